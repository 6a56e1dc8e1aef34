package dragon.model;

/** A fault planted in the protocol, to prove that the checker finds it. */
enum Mutation {
    /** The waker looks at {@code waiting} without the fence after its store. */
    NO_FENCE_WAKER,
    /** The waiter tries again without the fence after its enqueue. */
    NO_FENCE_WAITER,
    /** The waiter parks without the second try. */
    NO_SECOND_TRY,
    /** Who was chosen and does not need it keeps it to itself. */
    NO_PASS_ON,
    /** Who only watches passes on when it was chosen, and not otherwise. */
    WATCHER_PASSES_ONLY_CHOSEN,
    /** A receiver that leaves messages behind chooses nobody. */
    NO_CHAIN,
    /** A sender that leaves room behind chooses nobody. */
    NO_SENDER_CHAIN,
    /** One flag "somebody waits", cleared by the waker that sees it, in place of references and the chain. */
    FLAG,
    /** The sweep repairs slots and tells nobody. */
    NO_TELL,
    /** The sweep tells only where the record was CHOSEN. */
    TELL_ONLY_CHOSEN,
    /** The sweep looks at the record's word first and resets it later. */
    NO_EXCHANGE,
    /** The sweep's tell wakes PARKED records alone, not CHOSEN ones whose waker died before the wake. */
    TELL_NO_WAKE_AGAIN,
    /** {@code op_object} is set after the condition was made true. */
    LATE_OP_OBJECT,
    /** {@code op_object} is cleared while parked. */
    NO_OP_OBJECT_IN_WAIT,
    /** The slot is released before the message's block was taken. */
    RELEASE_BEFORE_BLOCK,
    /** The sweep frees a slot that was being written instead of abandoning it. */
    FREE_NOT_ABANDONED,
    /** Senders do not take an abandoned slot of the lap before. */
    NO_RECLAIM,
    /** The sweep repairs slots and reads the waiters' records without a fence between. */
    NO_FENCE_SWEEP,
    /** An enqueue that saw a stale reference at the head receives whatever is there by then, and drops it. */
    STALE_DROP_BY_RECEIVE,
    /** A new sender claims in a ring that has a successor. */
    NO_FOLLOW,
    /** A receiver leaves a full ring with a successor without closing it. */
    NO_CLOSE,
    /** {@code closed} is loaded after the ring was found empty. */
    CLOSED_AFTER_EMPTY,
    /** Who waits on several passes on at one of them alone. */
    SEVERAL_PASSES_ONE,
    /** Waiting on several, the sweep tells nobody of the other objects. */
    SEVERAL_TELLS_NONE,
    /** NEWS makes a condition's waiter arm again and go on waiting. */
    CONDITION_REARMS_ON_NEWS,
    /** A lock whose owner died is passed on to nobody. */
    NO_CHOOSE_AFTER_DEATH,
    /** A receiver takes a slot that is being written for the end of a closed channel. */
    WRITING_IS_END,
    /** A receiver takes a slot still read in the lap before for the end of a closed channel, though there is a next ring. */
    BEHIND_IS_END,
    /** A sender does not look again, after its claim, whether the channel was closed. */
    NO_SECOND_LOOK_AT_CLOSED,
    /** A receiver that leaves no message but the end behind chooses nobody. */
    CHAIN_IGNORES_END,
    /** Who finds the channel closed leaves without passing on. */
    CLOSED_KEEPS,
    /** A waiter parks without a look at the run's state. */
    NO_LOOK_AT_RUN,
    /** The run's end is stored and the records are read without a fence between. */
    NO_FENCE_AT_END,
    /** Free makes the block free and sets no hint. */
    FREE_SETS_NO_HINT,
    /** Who clears a hint does not look again below it. */
    NO_LOOK_AFTER_CLEAR,
    /** Who clears a hint names no block of its slab before. */
    CLEARS_UNNAMED,
    /** Binding looks at the id first, and then at the state. */
    ID_BEFORE_STATE,
    /** Binding writes its reference and looks at the object without a fence between. */
    NO_FENCE_IN_BIND,
    /** The audit takes DYING for DEAD without looking through the references again. */
    NO_SECOND_LOOK_AT_REFERENCES,
    /** The generation in the record's word does not count. */
    NO_GENERATION,
    /** The sweep frees a SENT block that is named in the dead process's record alone. */
    FREE_SENT_IN_HAND,
    /** The sweep's tell leaves an IDLE record its QUEUED, though the dead may have had the reference in hand. */
    TELL_LEAVES_IDLE,
    /** Who adds up the tasks looks into the hands first, and then into the channel. */
    TASKS_HANDS_FIRST,
    /** Who adds up the tasks does not look at the word again. */
    TASKS_NO_SECOND_LOOK,
    /** A done does not count the version up. */
    TASKS_NO_VERSION,
    /** A task is in hand only after its message was claimed. */
    TASKS_IN_HAND_AFTER_CLAIM,
    /** A done lets go of the task first, and counts the version up then. */
    TASKS_HAND_BEFORE_VERSION,
    /** Who was late for a message gives the task back and tells nobody. */
    TASKS_LATE_IS_SILENT,
    /** The sweep clears a reference with tasks and tells nobody. */
    TASKS_SWEEP_IS_SILENT,
    /** What others said to be done for the dead is not taken from what it had in hand. */
    TASKS_DEAD_ARE_NOT_DONE_FOR,
    /** A task that is being claimed is taken for one in hand. */
    TASKS_OF_TAKERS_ARE_SURE,
    /** A task that is being done is taken for one in hand. */
    TASKS_OF_DOERS_ARE_SURE,
    /** Who joins counts what is taken meanwhile twice, even where the balance is negative. */
    TASKS_JOIN_COUNTS_TWICE,
    /** What a client that is being swept had in hand is taken for in hand. */
    TASKS_OF_THE_SWEPT_ARE_SURE,
    /** Whoever comes last wakes nobody. */
    BARRIER_WAKES_NONE,
    /** {@code op_object} is cleared before the others are woken. */
    BARRIER_OP_ENDS_BEFORE_WAKE,
    /** The sweep does not break the barrier. */
    BARRIER_SURVIVES_A_DEATH,
    /** A reset begins the next generation as a pass does. */
    BARRIER_FORGETS_RESETS,
    /** Who acted begins the next generation, whatever became of its own. */
    BARRIER_ADVANCES_ANY,
    /** A handle leaves before its pin is in the mailbox. */
    PIN_AFTER_HANDLE,
    /** The pin is let go before the reference is written. */
    UNPIN_BEFORE_REFERENCE,
    /** The audit does not read what came into the mailbox while it looked. */
    AUDIT_READS_NO_LETTERS_AFTER_A_LOOK,
    /** A reference is marked as counted before it is. */
    ENDS_MARKED_BEFORE_COUNT,
    /** Who lets go of an end unmarks its reference after the count. */
    ENDS_UNMARKED_AFTER_DROP,
    /** Whoever takes the handle drops its pin, claimed or not. */
    ENDS_PIN_DROPPED_UNCLAIMED,
    /** A handle leaves before its pin counts. */
    ENDS_PIN_COUNTED_LATE,
    /** The sweep calls the agent's thread that tells by a letter to the mailbox. */
    TELLER_CALLED_BY_A_LETTER,
    /** The flag that calls it is set, and its record read, without a fence between. */
    TELLER_CALLED_WITHOUT_FENCE,
    /** Who calls it wakes it only where its record was PARKED. */
    TELLER_WOKEN_IF_PARKED_ONLY,
    /** It looks for letters alone before it sleeps. */
    TELLER_IGNORES_ITS_FLAG,
    /** A lock whose owner ended in order is passed on as if that had been killed. */
    ORDERLY_LOCK_PASSED_ON,
    /** The pins of a client that ended in order are forgotten as if that had been killed. */
    ORDERLY_PIN_FORGOTTEN,
    /** The pins of a client that was killed are kept as if that had ended in order. */
    KILLED_PIN_KEPT
}

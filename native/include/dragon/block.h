/* Blocks: what the memory hands out (spec, section 4). The block word is the truth; all bits are hints that may be too high, never too low for long:
 * who clears a bit looks again at what lies below. record.blocks[k] names the block, with the generation it has while it is in hand, before the claim:
 * so the sweep finds every block that was in dead hands (its word says HELD, by the dead, with that generation). */
#ifndef DRAGON_BLOCK_H
#define DRAGON_BLOCK_H

#include "process.h"

#define DRAGON_REF_MASK UINT64_C(0xffffff)
#define DRAGON_OWNER_MASK UINT64_C(0x3ffff)

static inline uint32_t dragon_class_of(uint64_t bytes)
{
    if (bytes <= 64) return 0;
    uint32_t e = 63 - (uint32_t)__builtin_clzll(bytes - 1); /* 2^e < bytes <= 2^(e+1) */
    if (bytes <= 4096) return e + 1 - 6;
    uint64_t quarter = UINT64_C(1) << (e - 2);
    return 6 + 4 * (e - 12) + (uint32_t)((bytes - 4 * quarter + quarter - 1) / quarter);
}

static inline uint64_t dragon_size_of(uint32_t class)
{
    if (class <= 6) return UINT64_C(64) << class;
    uint32_t e = 12 + (class - 7) / 4, q = 1 + (class - 7) % 4;
    return (UINT64_C(1) << e) / 4 * (4 + q);
}

static inline uint32_t dragon_blocks_of(uint32_t class)
{
    uint64_t blocks = 262144 / dragon_size_of(class);
    return blocks < 1 ? 1 : blocks > 64 ? 64 : (uint32_t)blocks;
}

static inline uint64_t dragon_block_word(uint64_t generation, uint32_t state, uint32_t owner)
{
    return generation << 24 | (uint64_t)state << 20 | owner;
}

static inline uint32_t dragon_block_state(uint64_t word)
{
    return (uint32_t)(word >> 20) & 15;
}

static inline dragon_u64 *dragon_block_word_of(const struct dragon_process *process, uint64_t ref)
{
    return &dragon_slab(process, (ref & DRAGON_REF_MASK) >> 6)->words[ref & 63];
}

static inline void *dragon_block_at(const struct dragon_process *process, uint64_t ref)
{
    struct dragon_slab *slab = dragon_slab(process, (ref & DRAGON_REF_MASK) >> 6);
    return dragon_at(process, slab->base + (ref & 63) * dragon_class(process, slab->class)->size);
}

/* Sets the bits from slab to top, from the bottom up, each only where it is clear. */
static inline void dragon_hints_set(const struct dragon_process *process, struct dragon_slab *slab, uint32_t block)
{
    struct dragon_class *class = dragon_class(process, slab->class);
    uint32_t n = slab->number;
    if (!(dragon_look(&slab->free) >> block & 1)) dragon_set_bits(&slab->free, UINT64_C(1) << block);
    if (!(dragon_look(&class->low[n >> 6]) >> (n & 63) & 1)) dragon_set_bits(&class->low[n >> 6], UINT64_C(1) << (n & 63));
    if (!(dragon_look(&class->mid[n >> 12]) >> (n >> 6 & 63) & 1)) dragon_set_bits(&class->mid[n >> 12], UINT64_C(1) << (n >> 6 & 63));
    if (!(dragon_look(&class->top) >> (n >> 12) & 1)) dragon_set_bits(&class->top, UINT64_C(1) << (n >> 12));
}

/* Sets again the bits above low word `n`, from the bottom up. */
static inline void dragon_hints_above(struct dragon_class *class, uint32_t n)
{
    if (!(dragon_look(&class->mid[n >> 6]) >> (n & 63) & 1)) dragon_set_bits(&class->mid[n >> 6], UINT64_C(1) << (n & 63));
    if (!(dragon_look(&class->top) >> (n >> 6) & 1)) dragon_set_bits(&class->top, UINT64_C(1) << (n >> 6));
}

/* While a hint is cleared and the look below not yet taken, blocks[k] names a block of the slab: killed there, the sweep mends the hints. */
static inline void dragon_hint_intent(struct dragon_thread *thread, int k, uint64_t slab, uint32_t block)
{
    dragon_store(&thread->record->blocks[k], slab << 6 | block);
}

/* Large blocks rotate: two cores that hand one block to and fro write into each other's caches. From this size on a process takes not the lowest block but
 * the one behind its last, among the slabs that lie within so many bytes of the lowest with a free block: a cache can hold those. */
enum { DRAGON_ROTATES_FROM = 16384, DRAGON_ROTATION = 8 << 20 };

/* Slabs of the class in a rotation, at most 64; 1: the class has none. */
static inline uint32_t dragon_rotation(const struct dragon_class *class)
{
    uint64_t slabs = class->size < DRAGON_ROTATES_FROM ? 1 : DRAGON_ROTATION / (class->size * class->blocks);
    return slabs < 1 ? 1 : slabs > 64 ? 64 : (uint32_t)slabs;
}

/* Of a slab's free blocks those behind the one that this process took last; none where that one lies in another slab. */
static inline uint64_t dragon_behind_last(const struct dragon_process *process, const struct dragon_slab *slab)
{
    uint32_t last = __atomic_load_n(&process->last_taken[slab->class], __ATOMIC_RELAXED);
    return last >> 6 == slab->number + 1 ? dragon_look(&slab->free) & UINT64_C(-2) << (last & 63) : 0;
}

/* Which of the slabs in `bits`, low word m of the class, to take from: its bit's number. */
static inline uint32_t dragon_pick_slab(const struct dragon_process *process, uint32_t number, uint32_t m, uint64_t bits)
{
    struct dragon_class *class = dragon_class(process, number);
    uint32_t lowest = (uint32_t)__builtin_ctzll(bits), rotation = dragon_rotation(class);
    uint32_t last = __atomic_load_n(&process->last_taken[number], __ATOMIC_RELAXED), slab = (last >> 6) - 1, at = slab & 63;
    if (rotation == 1 || !last || slab >> 6 != m || at < lowest) return lowest;
    bits &= (UINT64_MAX >> (64 - rotation)) << lowest;
    if (bits >> at & 1 && dragon_behind_last(process, dragon_slab(process, dragon_load(&class->slabs[slab])))) return at;
    bits &= UINT64_C(-2) << at;
    return bits ? (uint32_t)__builtin_ctzll(bits) : lowest;
}

/* The slab of the class to take from, or NULL: there is none. Clears hints that proved wrong on the way. */
static inline struct dragon_slab *dragon_find_slab(struct dragon_thread *thread, int k, uint32_t number)
{
    struct dragon_process *process = thread->process;
    struct dragon_class *class = dragon_class(process, number);
    uint64_t bits;
    while ((bits = dragon_look(&class->top))) {
        uint32_t i = (uint32_t)__builtin_ctzll(bits);
        if (!(bits = dragon_look(&class->mid[i]))) {
            dragon_hint_intent(thread, k, dragon_load(&class->slabs[0]), 0);
            dragon_clear_bits(&class->top, UINT64_C(1) << i);
            if (dragon_look(&class->mid[i])) dragon_set_bits(&class->top, UINT64_C(1) << i);
            continue;
        }
        uint32_t m = 64 * i + (uint32_t)__builtin_ctzll(bits);
        if (!(bits = dragon_look(&class->low[m]))) {
            dragon_hint_intent(thread, k, dragon_load(&class->slabs[0]), 0);
            dragon_clear_bits(&class->mid[i], UINT64_C(1) << (m & 63));
            if (dragon_look(&class->low[m])) dragon_hints_above(class, m);
            continue;
        }
        uint32_t n = 64 * m + dragon_pick_slab(process, number, m, bits);
        struct dragon_slab *slab = dragon_slab(process, dragon_load(&class->slabs[n]));
        if (dragon_look(&slab->free)) return slab;
        dragon_hint_intent(thread, k, dragon_load(&class->slabs[n]), 0);
        dragon_clear_bits(&class->low[m], UINT64_C(1) << (n & 63));
        if ((bits = dragon_look(&slab->free))) dragon_hints_set(process, slab, (uint32_t)__builtin_ctzll(bits));
    }
    return NULL;
}

/* One attempt at the block of `slab` whose turn it is. Killed after the CAS: the block is HELD by the dead and stands in blocks[k]. */
static inline bool dragon_block_try(struct dragon_thread *thread, int k, struct dragon_slab *slab)
{
    uint64_t bits = dragon_look(&slab->free);
    if (!bits) return false;
    uint64_t behind = dragon_behind_last(thread->process, slab) & bits;
    uint32_t m = (uint32_t)__builtin_ctzll(behind ? behind : bits);
    dragon_u64 *at = &slab->words[m];
    uint64_t word = dragon_look(at);
    uint64_t generation = (word >> 24) + 1, number = (uint64_t)(slab - dragon_slab(thread->process, 0));
    bool won = false;
    dragon_store(&thread->record->blocks[k], generation << 24 | number << 6 | m);
    if (dragon_block_state(word) == DRAGON_BLOCK_FREE)
        won = dragon_cas(at, word, dragon_block_word(generation, DRAGON_BLOCK_HELD, thread->process->number));
    dragon_clear_bits(&slab->free, UINT64_C(1) << m);
    if (!won && dragon_block_state(dragon_look(at)) == DRAGON_BLOCK_FREE) dragon_hints_set(thread->process, slab, m);
    if (won && dragon_class(thread->process, slab->class)->size >= DRAGON_ROTATES_FROM)
        __atomic_store_n(&thread->process->last_taken[slab->class], (slab->number + 1) << 6 | m, __ATOMIC_RELAXED);
    return won;
}

/* Claims a block of at least `bytes` bytes, which then stands in blocks[k]. May call `grow`; never between a claim and its publication. */
static inline int dragon_block_alloc(struct dragon_thread *thread, int k, uint64_t bytes)
{
    struct dragon_process *process = thread->process;
    uint32_t number = dragon_class_of(bytes);
    if (number >= DRAGON_CLASSES) return DRAGON_TOO_LARGE;
    for (;;) {
        struct dragon_slab *slab;
        while ((slab = dragon_find_slab(thread, k, number)))
            if (dragon_block_try(thread, k, slab)) return DRAGON_OK;
        dragon_store(&thread->record->blocks[k], 0);
        int result = process->hooks && process->hooks->grow ? process->hooks->grow(thread, number) : DRAGON_NO_MEMORY;
        if (result != DRAGON_OK) return result;
    }
}

static inline uint64_t dragon_block_ref(const struct dragon_thread *thread, int k)
{
    return dragon_peek(&thread->record->blocks[k]) & DRAGON_REF_MASK;
}

/* Was this block, in hand or part of what is in hand, never handed out before? Then its bytes are zero. */
static inline bool dragon_block_fresh(const struct dragon_process *process, uint64_t ref)
{
    return dragon_peek(dragon_block_word_of(process, ref)) >> 24 == 1;
}

/* The block in blocks[k], which is HELD by this process, becomes SENT or PART. */
static inline void dragon_block_store(struct dragon_thread *thread, int k, uint32_t state)
{
    uint64_t hand = dragon_peek(&thread->record->blocks[k]);
    dragon_store(dragon_block_word_of(thread->process, hand), dragon_block_word(hand >> 24, state, 0));
}

/* Takes the block `sent` (generation << 24 | reference) out of a slot this process is reading. Killed before the last store: freed with the slot. */
static inline void dragon_block_take(struct dragon_thread *thread, int k, uint64_t sent)
{
    uint64_t hand = sent + (UINT64_C(1) << 24);
    dragon_store(&thread->record->blocks[k], hand);
    dragon_store(dragon_block_word_of(thread->process, hand), dragon_block_word(hand >> 24, DRAGON_BLOCK_HELD, thread->process->number));
}

/* Frees the block in blocks[k]. Killed after the first store: the sweep finds it FREE and sets the hints. */
static inline void dragon_block_free(struct dragon_thread *thread, int k)
{
    uint64_t hand = dragon_peek(&thread->record->blocks[k]);
    struct dragon_slab *slab = dragon_slab(thread->process, (hand & DRAGON_REF_MASK) >> 6);
    dragon_exchange(&slab->words[hand & 63], dragon_block_word(hand >> 24, DRAGON_BLOCK_FREE, 0));
    dragon_hints_set(thread->process, slab, hand & 63);
    dragon_store(&thread->record->blocks[k], 0);
}

#endif

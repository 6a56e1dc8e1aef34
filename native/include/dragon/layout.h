/* The bytes of the node's memory: spec/shared-memory.md as C structures, each checked against the page's numbers. */
#ifndef DRAGON_LAYOUT_H
#define DRAGON_LAYOUT_H

#include "atomics.h"

#define DRAGON_MAGIC UINT64_C(0x314d4e4f47415244) /* the bytes DRAGONM1 */

enum {
    DRAGON_VERSION = 1,
    DRAGON_HEADER_SIZE = 4096,
    DRAGON_CLIENT_SIZE = 8192,
    DRAGON_CLASSES = 119,
    DRAGON_INLINE_REFS = 96,
    DRAGON_REF_TABLES = 14,
    DRAGON_INLINE_RECORDS = 56,
    DRAGON_RECORD_TABLES = 8,
    DRAGON_RECORD_TABLE = 512, /* records in each further table */
    DRAGON_BLOCKS_IN_HAND = 4,
    DRAGON_AGENT = 1, /* the agent's client number */
    DRAGON_MAX_RING = 1 << 20,
};

enum dragon_run_state { DRAGON_RUNNING = 1, DRAGON_OVER = 2, DRAGON_LOST = 3 };
enum dragon_client_state { DRAGON_CLIENT_FREE, DRAGON_CLIENT_LIVE, DRAGON_CLIENT_SWEEPING };
enum dragon_client_flag { DRAGON_ORDERLY = 1 };
enum dragon_role { DRAGON_USER = 1, DRAGON_SENDER = 2, DRAGON_RECEIVER = 4, DRAGON_ROLES = 7 };

/* A reference: `tasks in hand << 48 | offset | open << 3 | role`; only one to an object of kind tasks counts any. Open are those of the tasks that are being
 * claimed, or being done, just now. One to a channel that tracks its ends is COUNTED once it is among the channel's handles. */
enum { DRAGON_OPEN_SHIFT = 3, DRAGON_OPEN_MOST = 7, DRAGON_TASKS_SHIFT = 48, DRAGON_TASKS_MOST = 0xffff, DRAGON_COUNTED = 1 << 3 };
#define DRAGON_OFFSET_MASK UINT64_C(0x0000ffffffffffc0)

struct dragon_header { /* section 2 */
    dragon_u64 magic;
    uint32_t version, header_size;
    uint64_t size, run_id[2];
    uint32_t node, page_size;
    dragon_u32 run_state;
    uint32_t agent_pid;
    uint64_t clients;
    uint32_t clients_capacity, client_size;
    uint64_t classes, slabs;
    uint32_t slabs_capacity, class_stride;
    uint64_t arena;
    dragon_u64 mailbox;
    uint64_t pins;
    uint64_t unused1;
    dragon_u64 next_id;
    uint64_t unused2[7];
    dragon_u64 limit, granted;
    uint64_t unused3[6];
    dragon_u32 clients_high, printed;
};
_Static_assert(offsetof(struct dragon_header, run_state) == 48 && offsetof(struct dragon_header, mailbox) == 104, "header");
_Static_assert(offsetof(struct dragon_header, pins) == 112, "header");
_Static_assert(offsetof(struct dragon_header, next_id) == 128 && offsetof(struct dragon_header, limit) == 192, "header");
_Static_assert(offsetof(struct dragon_header, clients_high) == 256, "header");

enum dragon_op { DRAGON_NO_OP, DRAGON_SEND, DRAGON_RECEIVE, DRAGON_WAKE, DRAGON_CREATE, DRAGON_WAIT, DRAGON_UPDATE };

struct dragon_record { /* a thread record */
    dragon_u32 word, tid;
    dragon_u64 wait_object, wait_queue;
    dragon_u32 op, bell;
    dragon_u64 op_object, blocks[DRAGON_BLOCKS_IN_HAND];
    uint64_t unused2[7];
};
_Static_assert(sizeof(struct dragon_record) == 128 && offsetof(struct dragon_record, blocks) == 40, "thread record");

struct dragon_client { /* section 3 */
    dragon_u64 state;
    uint32_t os_pid;
    dragon_u32 flags;
    uint64_t process_id;
    dragon_u32 refs_high, records_high;
    dragon_u64 refs_ext[DRAGON_REF_TABLES], records_ext[DRAGON_RECORD_TABLES];
    uint64_t unused2[6];
    dragon_u64 refs[DRAGON_INLINE_REFS];
    struct dragon_record records[DRAGON_INLINE_RECORDS];
};
_Static_assert(sizeof(struct dragon_client) == DRAGON_CLIENT_SIZE, "client");
_Static_assert(offsetof(struct dragon_client, records_ext) == 144 && offsetof(struct dragon_client, refs) == 256, "client");

enum dragon_block_state { DRAGON_BLOCK_FREE, DRAGON_BLOCK_HELD, DRAGON_BLOCK_SENT, DRAGON_BLOCK_PART, DRAGON_BLOCK_AGENT };

struct dragon_class { /* section 4 */
    uint64_t size;
    uint32_t blocks;
    dragon_u32 slab_count;
    uint64_t unused1[6];
    dragon_u64 top;
    uint64_t unused2[7];
    dragon_u64 mid[64], low[4096];
    dragon_u32 slabs[];
};
_Static_assert(offsetof(struct dragon_class, low) == 640 && offsetof(struct dragon_class, slabs) == 33408, "class");

struct dragon_slab {
    uint64_t base;
    uint32_t class, blocks, number, unused1;
    uint64_t unused2;
    dragon_u64 free;
    uint64_t unused3[3];
    dragon_u64 words[64];
};
_Static_assert(sizeof(struct dragon_slab) == 576 && offsetof(struct dragon_slab, words) == 64, "slab");

enum { DRAGON_GROWABLE = 1 };

struct dragon_ring { /* section 5; the slots follow */
    uint32_t capacity, index_bits, slot_size, flags;
    dragon_u64 next;
    uint64_t block;
    uint64_t unused1[4];
    dragon_u64 tail;
    uint64_t unused2[7];
    dragon_u64 head;
    uint64_t unused3[7];
};
_Static_assert(sizeof(struct dragon_ring) == 192 && offsetof(struct dragon_ring, head) == 128, "ring");

struct dragon_slot {
    dragon_u64 word;
    uint8_t payload[];
};

enum dragon_slot_state { DRAGON_SLOT_FREE, DRAGON_SLOT_WRITING, DRAGON_SLOT_READY, DRAGON_SLOT_READING, DRAGON_SLOT_ABANDONED, DRAGON_SLOT_CLOSED };

enum { DRAGON_QUEUE_CAPACITY = 4, DRAGON_QUEUE_SLOT = 16 };

struct dragon_queue { /* section 6: a wait queue */
    dragon_u32 waiting;
    uint32_t unused1;
    dragon_u64 head_ring, tail_ring;
    uint64_t unused2[5];
    struct dragon_ring ring;
    uint8_t slots[DRAGON_QUEUE_CAPACITY * DRAGON_QUEUE_SLOT];
};
_Static_assert(sizeof(struct dragon_queue) == 320 && offsetof(struct dragon_queue, ring) == 64, "wait queue");

enum dragon_kind {
    DRAGON_CHANNEL = 1,
    DRAGON_SEMAPHORE,
    DRAGON_LOCK,
    DRAGON_RLOCK,
    DRAGON_EVENT,
    DRAGON_CONDITION,
    DRAGON_AREA,
    DRAGON_BARRIER,
    DRAGON_TASKS
};
enum dragon_object_state { DRAGON_DEAD, DRAGON_LIVE, DRAGON_DYING };
enum dragon_object_flag { DRAGON_SHARED = 1, DRAGON_ENDS = 2 };
enum dragon_closed { DRAGON_NO_SENDERS = 1, DRAGON_NO_RECEIVERS = 2, DRAGON_CLOSED_BY_CALL = 4 };

struct dragon_object { /* section 9 */
    dragon_u64 id;
    uint32_t kind;
    dragon_u32 state;
    uint64_t block;
    dragon_u32 flags, closed;
    dragon_u32 handles[2]; /* of senders and receivers, if it tracks its ends */
    uint64_t unused1[3];
    union { /* at 64 */
        struct {
            uint32_t capacity, slot_size;
            uint64_t limit;
            dragon_u64 head_ring, tail_ring;
        } channel;
        struct {
            dragon_u32 value;
            uint32_t max;
        } semaphore;
        struct {
            dragon_u64 owner;
            dragon_u32 count;
        } lock;
        struct {
            dragon_u64 value;
        } event;
        struct {
            uint64_t size;
        } area;
        struct {
            dragon_u64 word;
            uint32_t parties;
        } barrier;
        struct {
            dragon_u64 word, lost;
        } tasks;
        uint64_t body[8];
    };
    struct dragon_queue queue[2]; /* at 128 and 448; each kind uses as many as it needs */
    struct dragon_ring ring; /* at 768: a channel's first */
};
_Static_assert(offsetof(struct dragon_object, channel) == 64 && offsetof(struct dragon_object, channel.tail_ring) == 88, "object");
_Static_assert(offsetof(struct dragon_object, queue) == 128 && offsetof(struct dragon_object, ring) == 768, "object");

enum { DRAGON_PIN_SETS = 512, DRAGON_PIN_SET = 8 }; /* the table of pins that count */

enum { DRAGON_AREA_BYTES = 128 }; /* an area's bytes start here */

#define DRAGON_LOCK_DIED (UINT64_C(1) << 63)

/* A message slot's payload. */
enum dragon_message_kind { DRAGON_INLINE, DRAGON_BLOCK };

struct dragon_payload { /* at 8 in the slot */
    uint32_t length, kind_and_flags;
    union {
        struct {
            uint64_t block, length; /* block: generation << 24 | reference */
        } large;
        uint8_t bytes[1];
    };
};

enum { DRAGON_SLOT_OVERHEAD = 16 }; /* slot word, length, kind and flags */

#endif

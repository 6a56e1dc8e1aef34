/* Shared words and the few ways to touch them. Every store and every compare-and-swap goes through here, so that a test can stop a process before
 * each of them: it defines DRAGON_STEP(), which is nothing otherwise. */
#ifndef DRAGON_ATOMICS_H
#define DRAGON_ATOMICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic uint32_t dragon_u32;
typedef _Atomic uint64_t dragon_u64;

_Static_assert(sizeof(dragon_u32) == 4 && sizeof(dragon_u64) == 8, "shared words are plain integers");

#ifndef DRAGON_STEP
#define DRAGON_STEP() ((void)0)
#endif

#define dragon_load(at) atomic_load_explicit((at), memory_order_acquire)
#define dragon_peek(at) atomic_load_explicit((at), memory_order_relaxed)
#define dragon_look(at) atomic_load_explicit((at), memory_order_seq_cst)

#define dragon_store(at, value) (DRAGON_STEP(), atomic_store_explicit((at), (value), memory_order_release))
#define dragon_hint(at, value) (DRAGON_STEP(), atomic_store_explicit((at), (value), memory_order_relaxed))
#define dragon_exchange(at, value) (DRAGON_STEP(), atomic_exchange((at), (value)))
#define dragon_add(at, value) (DRAGON_STEP(), atomic_fetch_add((at), (value)))
#define dragon_set_bits(at, bits) (DRAGON_STEP(), atomic_fetch_or((at), (bits)))
#define dragon_clear_bits(at, bits) (DRAGON_STEP(), atomic_fetch_and((at), ~(bits)))

static inline bool dragon_cas(dragon_u64 *at, uint64_t from, uint64_t to)
{
    DRAGON_STEP();
    return atomic_compare_exchange_strong(at, &from, to);
}

static inline bool dragon_cas32(dragon_u32 *at, uint32_t from, uint32_t to)
{
    DRAGON_STEP();
    return atomic_compare_exchange_strong(at, &from, to);
}

/* A full fence. The thread sanitizer knows no fences; to it a read-modify-write of one common word says the same. */
static inline void dragon_fence(void)
{
#ifdef __SANITIZE_THREAD__
    static dragon_u32 common;
    atomic_fetch_add(&common, 1);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* A full fence where the last shared access was a read-modify-write, which on x86 is one already. */
static inline void dragon_fence_after_rmw(void)
{
#if (defined(__x86_64__) || defined(__i386__)) && !defined(__SANITIZE_THREAD__)
    atomic_signal_fence(memory_order_seq_cst);
#else
    dragon_fence();
#endif
}

static inline void dragon_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif

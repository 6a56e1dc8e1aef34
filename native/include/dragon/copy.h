/* Copying large messages into shared memory. A block that another core has just read costs the writer a transfer for each of its lines where the two cores share no
 * cache: 380 us for 1 MiB on such a machine, 20 where they do. Stores that go past the caches take 60 us on both. So each process watches how fast its plain
 * copies are, and streams while they are slow; now and then it looks again. */
#ifndef DRAGON_COPY_H
#define DRAGON_COPY_H

#include "process.h"

#include <string.h>
#include <time.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { DRAGON_COPY_WATCHED = 16384, DRAGON_COPY_SLOW = 8 /* bytes a nanosecond */, DRAGON_COPY_LOOK_AGAIN = 64 };

static inline int64_t dragon_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#ifdef __SSE2__
static inline void dragon_stream(uint8_t *to, const uint8_t *from, size_t size)
{
    size_t head = -(uintptr_t)to & 63;
    memcpy(to, from, head);
    to += head, from += head, size -= head;
    for (; size >= 64; to += 64, from += 64, size -= 64) {
        __m128i a = _mm_loadu_si128((const __m128i *)from), b = _mm_loadu_si128((const __m128i *)(from + 16));
        __m128i c = _mm_loadu_si128((const __m128i *)(from + 32)), d = _mm_loadu_si128((const __m128i *)(from + 48));
        _mm_stream_si128((__m128i *)to, a);
        _mm_stream_si128((__m128i *)(to + 16), b);
        _mm_stream_si128((__m128i *)(to + 32), c);
        _mm_stream_si128((__m128i *)(to + 48), d);
    }
    _mm_sfence(); /* such stores are not ordered with those that publish the message */
    memcpy(to, from, size);
}
#else
static inline void dragon_stream(uint8_t *to, const uint8_t *from, size_t size)
{
    memcpy(to, from, size);
}
#endif

/* Copies into a block of the shared memory. */
static inline void dragon_copy_in(struct dragon_process *process, uint8_t *to, const uint8_t *from, size_t size)
{
    if (size < DRAGON_COPY_WATCHED) {
        if (size) memcpy(to, from, size);
        return;
    }
    if (process->copies_streamed && process->copies_streamed++ < DRAGON_COPY_LOOK_AGAIN) {
        dragon_stream(to, from, size);
        return;
    }
    int64_t start = dragon_now();
    memcpy(to, from, size);
    process->copies_streamed = (int64_t)size < (dragon_now() - start) * DRAGON_COPY_SLOW;
}

#endif

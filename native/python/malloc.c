/* What malloc keeps for the next large message.
 *
 * An object of a megabyte is pickled into new memory and read from new memory, and all of it is freed before the next. glibc then gives it back to the system, which clears each page anew:
 * that takes several times as long as the message. Its thresholds follow the largest block that was mapped by itself and freed (mallopt(3): a block up to that size comes from the heap from
 * then on, and the heap keeps twice that size), but a message is several blocks that lie there together. So it is shown one block that is larger than all of them.
 *
 * No page of it is touched. What the user has set (MALLOC_TRIM_THRESHOLD_, mallopt) switches that following off, and so this. Another malloc does with it what it likes. */
#include "shm.h"

#include <stdlib.h>

enum { BLOCKS = 4 }; /* as large as the message: its pickle, which grew by copying, what is read from it, and a rest */
#define LARGEST (((size_t)32 << 20) - 65536) /* glibc follows no larger ones */

void shm_keep_memory_for(uint64_t message)
{
    static size_t shown;
    size_t size = message < LARGEST / BLOCKS ? (size_t)message * BLOCKS : LARGEST;
    if (size <= shown) return;
    shown = size;
    void *volatile block = malloc(size); /* volatile, else the compiler leaves both out */
    free(block);
}

/* Marks the run as lost in the node's memory, so that whoever waits there learns that the agent is gone. */
#define _GNU_SOURCE
#include "keeper.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

void dragon_end_of_run(void *memory, uint32_t state);

void memory_lost(int fd)
{
    struct stat file;
    if (fstat(fd, &file) < 0) return;
    void *memory = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (memory == MAP_FAILED) return;
    dragon_end_of_run(memory, 3);
}

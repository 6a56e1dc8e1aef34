/* Pages that are copied ahead: what every child of the zygote touches, the child that is forked ahead touches before anybody waits for it.
 *
 * An interpreter writes to some three hundred of the pages that it was forked with before it comes to the user's part, and the kernel copies one by one: for a short process, most of its
 * life. Which they are, one child notes for all that come after it, from /proc/self/pagemap. The note is a hint: the zygote takes of it what is its own memory and its children's, and
 * forgets it when its interpreter has run, since then the pages are others. A child that is killed while it writes the note leaves the zygote without, and nothing else. */
#include "shm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, WINDOW = 16 * PAGE, MOST = 1023, SOME = 3 };

enum state { WANTED, BEING_WRITTEN, WRITTEN, TAKEN };

/* Written by a child, read by the zygote, shared by both. Addresses of pages; an odd one is written to, an even one only read (the kernel maps its neighbours with it). */
struct note {
    uint32_t state; /* the zygote's round << 2 | state: who is late writes for nobody */
    uint32_t count;
    uint64_t pages[MOST];
};

static struct note *written; /* by the first child of a round that comes to it */
static struct note *known; /* taken of it: the zygote's own, which each child inherits */
static uint32_t round_now; /* how often the zygote's interpreter has run; in a child, until its fork */
static bool settled; /* some children of this round were there before: more are likely to come */

/* A line of /proc/self/maps: memory that is this process's alone, but for what the kernel put there. */
static bool is_private(const char *line, uint64_t *from, uint64_t *to, bool *writable)
{
    char rights[5];
    unsigned long first, last;
    if (sscanf(line, "%lx-%lx %4s", &first, &last, rights) != 3 || rights[0] != 'r' || rights[3] != 'p' || strstr(line, "[v")) return false;
    *from = first;
    *to = last;
    *writable = rights[1] == 'w';
    return true;
}

/* ---- the child that writes ---- */

/* Of what this process has mapped: its own pages where it writes, one page of each window that the kernel maps at once where it reads. */
static void note_range(struct note *note, int pagemap, uint64_t from, uint64_t to, bool writable)
{
    uint64_t words[512], last = 0;
    for (uint64_t at = from; at < to; at += sizeof words / 8 * PAGE) {
        size_t wanted = (to - at) / PAGE < 512 ? (to - at) / PAGE : 512;
        ssize_t count = pread(pagemap, words, wanted * 8, (off_t)(at / PAGE * 8)) / 8;
        for (ssize_t i = 0; i < count && note->count < MOST; i++) {
            uint64_t page = at + (uint64_t)i * PAGE;
            bool present = words[i] >> 63, file = words[i] >> 61 & 1, own = words[i] >> 56 & 1;
            if (writable ? !(present && own && !file) : !(present && file && page / WINDOW != last)) continue;
            last = page / WINDOW;
            note->pages[note->count++] = page | writable;
        }
    }
}

static bool pass_on(enum state from, enum state to)
{
    uint32_t before = round_now << 2 | from;
    return __atomic_compare_exchange_n(&written->state, &before, round_now << 2 | to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static void write_note(void)
{
    char line[512];
    uint64_t from, to;
    bool writable;
    FILE *maps = fopen("/proc/self/maps", "re");
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    written->count = 0;
    while (maps && pagemap >= 0 && fgets(line, sizeof line, maps))
        if (is_private(line, &from, &to, &writable)) note_range(written, pagemap, from, to, writable);
    if (pagemap >= 0) close(pagemap);
    if (maps) fclose(maps);
}

static PyObject *note_touched(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (settled && written && pass_on(WANTED, BEING_WRITTEN)) {
        write_note();
        pass_on(BEING_WRITTEN, WRITTEN);
    }
    Py_RETURN_NONE;
}

/* ---- the zygote ---- */

void shm_ahead_forget(void)
{
    if (!known) known = calloc(1, sizeof *known);
    if (!written) written = mmap(NULL, sizeof *written, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (written == MAP_FAILED) written = NULL;
    if (!written || !known) return;
    known->count = 0;
    settled = false;
    __atomic_store_n(&written->state, ++round_now << 2 | WANTED, __ATOMIC_RELEASE);
}

static void take_range(uint32_t count, uint64_t from, uint64_t to, bool writable)
{
    for (uint32_t i = 0; i < count && known->count < MOST; i++) {
        uint64_t page = written->pages[i];
        if (page >= from && page < to && (page & 1) == writable) known->pages[known->count++] = page;
    }
}

/* Keeps of the note what lies in memory that this process has and its children get ("dc": they do not), and is written to only where that may be. */
static void take(uint32_t count)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    char line[512];
    uint64_t from = 0, to = 0;
    bool writable = false, is_range = false;
    while (maps && fgets(line, sizeof line, maps)) {
        if (strncmp(line, "VmFlags:", 8) == 0) {
            if (is_range && !strstr(line, " dc")) take_range(count, from, to, writable);
            is_range = false;
        } else if (line[0] < 'A' || line[0] > 'Z') {
            is_range = is_private(line, &from, &to, &writable);
        }
    }
    if (maps) fclose(maps);
}

void shm_ahead_prepare(int forks)
{
    if (!written || !known) return;
    settled = forks >= SOME;
    uint32_t count = written->count;
    if (settled && !known->count && count <= MOST && pass_on(WRITTEN, TAKEN)) take(count);
}

/* In the child: has the kernel copy them. */
void shm_ahead_touch(void)
{
    for (uint32_t i = 0; known && i < known->count; i++) {
        volatile char *page = (volatile char *)(uintptr_t)(known->pages[i] & ~(uint64_t)1);
        if (known->pages[i] & 1)
            *page = *page;
        else
            (void)*page;
    }
}

PyMethodDef shm_ahead_methods[] = {
    {"note_touched", note_touched, METH_NOARGS, "note_touched()\n\nNote for the children to come which pages this one has touched, if none has."},
    {NULL, NULL, 0, NULL},
};

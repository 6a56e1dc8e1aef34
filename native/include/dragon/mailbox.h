/* The mailbox (spec, section 10): what clients tell the agent. Each message is 32 bytes. */
#ifndef DRAGON_MAILBOX_H
#define DRAGON_MAILBOX_H

#include "channel.h"

enum dragon_mail { DRAGON_MAIL_RELEASE = 1, DRAGON_MAIL_PIN, DRAGON_MAIL_UNPIN, DRAGON_MAIL_CARRY };

struct dragon_letter {
    uint32_t type, client;
    uint64_t id, reference, token;
};
_Static_assert(sizeof(struct dragon_letter) == 32, "letter");

/* A memory without a mailbox (a test's) swallows it. */
static inline int dragon_mail(struct dragon_thread *thread, uint32_t type, uint64_t id, uint64_t reference, uint64_t token)
{
    struct dragon_process *process = thread->process;
    uint64_t mailbox = dragon_load(&process->header->mailbox);
    if (!mailbox) return DRAGON_OK;
    struct dragon_letter letter = {type, process->number, id, reference, token};
    struct iovec part = {&letter, sizeof letter};
    struct dragon_outgoing message = {.channel = dragon_at(process, mailbox), .parts = &part, .count = 1, .length = sizeof letter};
    return dragon_channel_send(thread, &message, DRAGON_FOREVER);
}

/* Tokens of those who had this client number before may still be out: the entry's generation keeps them apart. */
static inline uint64_t dragon_new_token(struct dragon_process *process)
{
    return ++process->tokens;
}

#endif

/* Control frames (spec/control.proto) as the zygote sees them: the two it gets, the two it sends, without an interpreter's help. A frame is a length of four bytes and the
 * fields of a Frame; of all messages only those fields are looked at that are named here. */
#ifndef DRAGON_FRAME_H
#define DRAGON_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_FORK = 31, FRAME_FORKED = 32, FRAME_EXITED = 33, FRAME_REAP = 34 };

struct span {
    const uint8_t *at, *end;
};

struct field {
    uint32_t number;
    uint64_t value; /* of a number */
    struct span part; /* of bytes, text or a message */
};

/* What a frame asks of the zygote, its parts still in the frame. */
struct fork_request {
    struct span setting, preparation, payload, name;
    uint32_t passed, client;
    uint64_t process_id;
};

static inline size_t span_size(struct span span)
{
    return (size_t)(span.end - span.at);
}

static inline bool frame_number(struct span *in, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return true;
    }
    return false;
}

/* Takes the next field; false at the end, and where there is none: the agent is of this build and writes numbers and parts only. */
static inline bool frame_next(struct span *in, struct field *field)
{
    uint64_t tag, size;
    if (!frame_number(in, &tag)) return false;
    field->number = (uint32_t)(tag >> 3);
    field->value = 0;
    field->part = (struct span){in->at, in->at};
    if ((tag & 7) == 0) return frame_number(in, &field->value);
    if ((tag & 7) != 2 || !frame_number(in, &size) || size > span_size(*in)) return false;
    field->part = (struct span){in->at, in->at + size};
    in->at += size;
    return true;
}

/* The body of a Frame: its field's number, and in `body` its bytes; 0 if there is none. */
static inline uint32_t frame_body(struct span frame, struct span *body)
{
    for (struct field field; frame_next(&frame, &field);) {
        if (field.number == 1) continue; /* the call, which is 0 */
        *body = field.part;
        return field.number;
    }
    return 0;
}

static inline struct fork_request frame_fork(struct span body)
{
    struct fork_request request = {0};
    for (struct field field; frame_next(&body, &field);) {
        switch (field.number) {
        case 1: request.setting = field.part; break;
        case 2: request.payload = field.part; break;
        case 3: request.passed = (uint32_t)field.value; break;
        case 4: request.client = (uint32_t)field.value; break;
        case 5: request.process_id = field.value; break;
        case 6: request.name = field.part; break;
        case 7: request.preparation = field.part; break;
        default: break;
        }
    }
    return request;
}

static inline uint8_t *frame_put(uint8_t *at, uint32_t number, uint64_t value)
{
    *at++ = (uint8_t)(number << 3);
    for (; value > 127; value >>= 7) *at++ = (uint8_t)(value | 128);
    *at++ = (uint8_t)value;
    return at;
}

/* Writes a frame of up to 64 bytes whose body's fields 1 to 3 are these numbers; returns its size. */
static inline size_t frame_write(uint8_t *frame, uint32_t type, const uint64_t fields[3])
{
    uint8_t body[40], *at = body, *out = frame + 4;
    for (uint32_t i = 0; i < 3; i++)
        if (fields[i]) at = frame_put(at, i + 1, fields[i]);
    uint32_t tag = type << 3 | 2;
    *out++ = (uint8_t)(tag | 128); /* all types are greater than 15: the tag takes two bytes */
    *out++ = (uint8_t)(tag >> 7);
    *out++ = (uint8_t)(at - body);
    for (const uint8_t *from = body; from < at;) *out++ = *from++;
    uint32_t size = (uint32_t)(out - frame - 4);
    for (unsigned i = 0; i < 4; i++) frame[i] = (uint8_t)(size >> 8 * i);
    return size + 4;
}

#endif

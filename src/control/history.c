#include "control/history.h"

#include "control/answer.h"

#include <string.h>

#define COMMANDS_LIMIT 50u
#define EVENT_KEY_LEN  36 /* node, command, number */

/* One history entry of the command. False: the row is not one of it. */
static bool read_step(const struct control *c, const struct row *row, const struct ulid *command,
                      struct command_step *ret, struct arena *mem)
{
    struct command_event_row event;
    struct wire_error err;
    struct ulid node;

    if (row->key.len != EVENT_KEY_LEN ||
        memcmp(row->key.data + sizeof(node.b), command->b, sizeof(command->b)) != 0 ||
        command_event_row_decode(&event, row->value, mem, &err))
        return false;
    memcpy(node.b, row->key.data, sizeof(node.b));
    *ret = (struct command_step){
        .state = event.state,
        .node = node,
        .node_name = node_name(&c->catalog, &node),
        .at_ms = event.at_ms,
        .why = event.why,
    };
    return true;
}

/* By time; what one node wrote stays in its order. */
static void insert_step(struct command_step *steps, uint32_t n, const struct command_step *step)
{
    uint32_t k = n;

    for (; k > 0 && steps[k - 1].at_ms > step->at_ms; k--)
        steps[k] = steps[k - 1];
    steps[k] = *step;
}

static void read_history(const struct control *c, const struct state *state,
                         struct command_info *info, struct arena *mem)
{
    struct command_step *steps = arena_array(mem, COMMAND_INFO_HISTORY_MAX_ITEMS, sizeof(*steps));
    uint8_t prefix[32];

    info->history = steps;
    memcpy(prefix + 16, info->id.b, sizeof(info->id.b));
    for (const struct member *m = members_first(c->catalog.members); m;
         m = members_next(c->catalog.members, m)) {
        memcpy(prefix, m->id.b, sizeof(m->id.b));
        struct bytes p = bytes_of(prefix, sizeof(prefix));
        struct command_step step;

        for (const struct row *row = state_first(state, TABLE_ID_COMMAND_EVENT, p); row;
             row = state_next(state, row, p)) {
            if (info->history_n == COMMAND_INFO_HISTORY_MAX_ITEMS ||
                !read_step(c, row, &info->id, &step, mem))
                continue;
            insert_step(steps, info->history_n++, &step);
        }
    }
    for (uint32_t k = 0; k < info->history_n; k++) {
        if (steps[k].state > info->state)
            info->state = steps[k].state;
    }
}

static bool read_command(const struct control *c, const struct state *state, const struct row *row,
                         struct command_info *ret, struct arena *mem)
{
    struct command_row command;
    struct wire_error err;

    if (row->key.len != sizeof(ret->id.b) || command_row_decode(&command, row->value, mem, &err))
        return false;
    *ret = (struct command_info){
        .kind = command.kind,
        .author = command.author,
        .cause = command.cause,
        .args = command.args,
        .args_n = command.args_n,
        .at_ms = command.at_ms,
    };
    memcpy(ret->id.b, row->key.data, sizeof(ret->id.b));
    read_history(c, state, ret, mem);
    return true;
}

/* The newest first: ids begin with the time, so they are at the end of the table. */
static void read_newest(const struct control *c, const struct state *state, uint32_t limit,
                        struct commands *answer, struct arena *mem)
{
    struct bytes all = {0};
    struct command_info *items;
    size_t count = 0, at = 0;

    for (const struct row *row = state_first(state, TABLE_ID_COMMAND, all); row;
         row = state_next(state, row, all))
        count++;
    if (!limit || limit > COMMANDS_COMMANDS_MAX_ITEMS)
        limit = COMMANDS_LIMIT;
    items = arena_array(mem, limit, sizeof(*items));
    answer->commands = items;
    for (const struct row *row = state_first(state, TABLE_ID_COMMAND, all); row;
         row = state_next(state, row, all)) {
        struct command_info info;

        if (at++ + limit < count || !read_command(c, state, row, &info, mem))
            continue;
        for (uint32_t k = answer->commands_n++; k > 0; k--)
            items[k] = items[k - 1];
        items[0] = info;
    }
}

static void read_one(const struct control *c, const struct state *state, const struct ulid *id,
                     struct commands *answer, struct arena *mem)
{
    const struct row *row = state_get(state, TABLE_ID_COMMAND, ulid_bytes(id));
    struct command_info *info = arena_alloc(mem, sizeof(*info));

    answer->commands = info;
    if (row && read_command(c, state, row, info, mem))
        answer->commands_n = 1;
}

void answer_commands(struct control *c, struct turn *t, const struct incoming *in)
{
    struct get_commands request;
    struct commands answer = {0};
    struct arena mem = {0};
    struct buf out = {0};
    struct wire_error err;

    if (get_commands_decode(&request, in->payload, &mem, &err)) {
        answer_bad(t, in, &err);
        arena_deinit(&mem);
        return;
    }
    if (ulid_is_zero(&request.id))
        read_newest(c, t->state, request.limit, &answer, &mem);
    else
        read_one(c, t->state, &request.id, &answer, &mem);
    if (!ulid_is_zero(&request.id) && !answer.commands_n) {
        turn_fail(t, in, FAIL_CODE_NOT_FOUND, "there is no command %s", ulid_text(&request.id).s);
    } else {
        commands_encode(&out, &answer);
        answer_send(t, in, WIRE_COMMANDS, &out);
    }
    buf_deinit(&out);
    arena_deinit(&mem);
}

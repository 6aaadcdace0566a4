/* The verb that has health checks run. */
#include "cmd/kith_ask.h"

/* The peer itself gives up what does not come, in a time that depends on the check's own. */
#define CHECK_TIMEOUT_MS (2 * 60 * 1000)

static uint32_t count_passed(const struct check_results *answer)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < answer->results_n; i++)
        count += answer->results[i].ok && !answer->results[i].problem.len;
    return count;
}

int kith_check(struct kith *k)
{
    struct check_now request = {.what = bytes_str(kith_word(k, 0))};
    int status;
    const struct check_results *answer =
        ask_long(k, WIRE_CHECK_NOW, &request, WIRE_CHECK_RESULTS, CHECK_TIMEOUT_MS, &status);

    if (!answer)
        return status;
    view_answer(&k->out, WIRE_CHECK_RESULTS, answer,
                (struct view_style){k->args.format, VIEW_LIST});
    status = kith_print(k);
    if (status == KITH_DONE && count_passed(answer) < answer->results_n)
        return kith_failed("%u of %u checks did not pass", answer->results_n - count_passed(answer),
                           answer->results_n);
    return status;
}

/* Death at every single step. A victim process runs one operation and exits without a word before its k-th store or compare-and-swap on shared memory, for
 * k = 1, 2, ... until the operation runs through; after each death the sweep repairs, and then the survivors must go on, nobody may sleep who has a
 * reason to be awake, and every block must be where it belongs. */
#define _GNU_SOURCE
static void step_before_store(void);
#define DRAGON_STEP() step_before_store()
#include "steps.h"

#include "steps_barrier.h"
#include "steps_channel.h"
#include "steps_objects.h"
#include "steps_tasks.h"
#include "steps_waiting.h"

static const struct scenario *const groups[] = {channel_scenarios, waiting_scenarios, object_scenarios, barrier_scenarios, task_scenarios};

int main(int count, char **words)
{
    int ran = 0, steps = 0;
    steps_begin();
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        for (const struct scenario *s = groups[g]; s->name; s++)
            if (count < 2 || strstr(s->name, words[1])) {
                int n = run_scenario(s);
                printf("%-50s %4d steps\n", s->name, n);
                fflush(stdout);
                steps += n;
                ran++;
            }
    printf("steps: %d passed, 0 failed (%d deaths)\n", ran, steps);
    return ran ? 0 : 1;
}

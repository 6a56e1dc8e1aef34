/* The door through which the agent's JVM calls libc (agent/.../os/LibraryCalls.java). Bound by the names below, it is ready at once; java.lang.foreign, which does the same without a
 * file of its own, takes 18 ms of every run's start to make its first call. */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>

/* Those of JNI, whose header needs a JDK: int64_t is its jlong. */
int64_t Java_dragon_agent_os_LibraryCalls_call0(void *jvm, void *class, int64_t function, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e,
                                                int64_t f, int64_t g);
int64_t Java_dragon_agent_os_LibraryCalls_addressOf(void *jvm, void *class, int64_t name);

/* What the function returned, or minus its errno if that was -1, as an int or as a long: no function that is called here has another result that ends in 32 ones. */
int64_t Java_dragon_agent_os_LibraryCalls_call0(void *jvm, void *class, int64_t function, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e,
                                                int64_t f, int64_t g)
{
    (void)jvm, (void)class;
    int64_t (*call)(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t) =
        (int64_t (*)(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t))(intptr_t)function;
    int64_t result = call(a, b, c, d, e, f, g);
    return (int32_t)result == -1 ? -(int64_t)errno : result;
}

/* The address of a symbol of libc, whose name lies at that address; 0 if there is none. */
int64_t Java_dragon_agent_os_LibraryCalls_addressOf(void *jvm, void *class, int64_t name)
{
    (void)jvm, (void)class;
    return (int64_t)(intptr_t)dlsym(RTLD_DEFAULT, (const char *)(intptr_t)name);
}

/* The door through which the agent's JVM calls libc (agent/.../os/LibraryCalls.java), and SIGQUIT comes to it. Bound by the names below, it is ready at once; java.lang.foreign, which does the same without a
 * file of its own, takes 18 ms of every run's start to make its first call. */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/* Those of JNI, whose header needs a JDK: int64_t is its jlong. */
int64_t Java_dragon_agent_os_LibraryCalls_call0(void *jvm, void *class, int64_t function, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e,
                                                int64_t f, int64_t g);
int64_t Java_dragon_agent_os_LibraryCalls_addressOf(void *jvm, void *class, int64_t name);
int64_t Java_dragon_agent_os_LibraryCalls_tellQuit(void *jvm, void *class, int64_t eventfd);

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

static int told; /* by each SIGQUIT */
static struct sigaction jvms; /* what the JVM would do at it */
static char attach[2][64]; /* a tool of the JDK (jcmd) that wants to attach makes one of these files, and sends SIGQUIT */

static void quit(int number, siginfo_t *info, void *context)
{
    int before = errno;
    uint64_t one = 1;
    if (access(attach[0], F_OK) == 0 || access(attach[1], F_OK) == 0) {
        if (jvms.sa_flags & SA_SIGINFO)
            jvms.sa_sigaction(number, info, context);
        else if (jvms.sa_handler != SIG_DFL && jvms.sa_handler != SIG_IGN)
            jvms.sa_handler(number);
    } else {
        ssize_t written = write(told, &one, sizeof one);
        (void)written;
    }
    errno = before;
}

/* From now on SIGQUIT, of which the JVM gives Java nothing and at which it shows its threads, adds one to that eventfd, unless it comes from a tool that attaches. 0, or minus an errno. */
int64_t Java_dragon_agent_os_LibraryCalls_tellQuit(void *jvm, void *class, int64_t eventfd)
{
    (void)jvm, (void)class;
    told = (int)eventfd;
    snprintf(attach[0], sizeof attach[0], "/proc/self/cwd/.attach_pid%d", (int)getpid());
    snprintf(attach[1], sizeof attach[1], "/tmp/.attach_pid%d", (int)getpid());
    struct sigaction action = {.sa_sigaction = quit, .sa_flags = SA_RESTART | SA_ONSTACK | SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGQUIT, &action, &jvms) ? -(int64_t)errno : 0;
}

import dragon.agent.control.Frame;
import dragon.agent.control.Grow;
import dragon.agent.control.Grown;
import dragon.channel.Channel;
import dragon.channel.Event;
import dragon.channel.Handle;
import dragon.channel.Lock;
import dragon.channel.Role;
import dragon.memory.Client;
import dragon.memory.Memory;
import dragon.memory.MemoryExhaustedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;

/**
 * A Java process among the Python ones of crash.py: on each of two queues one thread that produces and one that consumes, and one thread that fights
 * for the lock. It keeps the same books in the same files (see ledger.py), true whenever it is killed.
 *
 * <p>It is executed by attach.py, which said hello to the agent in its place: arguments are the descriptors of memory and socket, the client number, the folder
 * of the books, the first of five numbers of its own, then place and id of the event that ends it, of the lock and of the queues.
 */
final class ChaosPeer {
    private static final int BYTES = 2; // the flags of a message that is what Python calls bytes
    private static final Duration LONG = Duration.ofDays(1);

    private final Path folder;
    private final Event stop;
    private final Lock lock;

    private ChaosPeer(Path folder, Event stop, Lock lock) {
        this.folder = folder;
        this.stop = stop;
        this.lock = lock;
    }

    public static void main(String[] arguments) throws InterruptedException {
        Memory memory = Memory.map(Integer.parseInt(arguments[0]));
        Agent agent = new Agent(Integer.parseInt(arguments[1]));
        Client client = Client.attach(memory, Integer.parseInt(arguments[2]), agent::grow);
        Path folder = Path.of(arguments[3]);
        int number = Integer.parseInt(arguments[4]);
        ChaosPeer peer = new ChaosPeer(
                folder, Event.bind(client, handle(arguments, 5)), Lock.bind(client, handle(arguments, 7), false));
        Thread[] threads = new Thread[5];
        for (int queue = 0; queue < 2; queue++) {
            Channel channel = Channel.bind(client, handle(arguments, 9 + 2 * queue), Role.USER);
            Path books = folder.resolve(Integer.toString(queue));
            int producer = number + 2 * queue;
            threads[2 * queue] = start(() -> peer.produce(producer, books, channel));
            threads[2 * queue + 1] = start(() -> peer.consume(producer + 1, books, channel));
        }
        threads[4] = start(() -> peer.fight(number + 4));
        for (Thread thread : threads) {
            thread.join();
        }
        client.orderly();
    }

    private static Handle handle(String[] arguments, int at) {
        return new Handle(Long.parseLong(arguments[at]), Long.parseLong(arguments[at + 1]));
    }

    private static Thread start(Runnable work) {
        Thread thread = new Thread(work);
        thread.setUncaughtExceptionHandler((_, problem) -> {
            problem.printStackTrace();
            Runtime.getRuntime().halt(3);
        });
        thread.start();
        return thread;
    }

    private void produce(int number, Path books, Channel channel) {
        MappedByteBuffer words = map(books.resolve("produced-" + number), 24);
        Watch watch = new Watch(books, number);
        for (long sequence = 0; !stop.isSet(); sequence++) {
            if (channel.size() > 500) {
                Thread.onSpinWait();
                sequence--;
                continue;
            }
            byte[] message = message(number, sequence);
            watch.begin();
            words.putLong(0, sequence + 1);
            channel.send(message, BYTES, LONG);
            words.putLong(8, sequence + 1);
            watch.end();
        }
        words.putLong(16, 1);
    }

    private void consume(int number, Path books, Channel channel) {
        Watch watch = new Watch(books, number);
        try (FileChannel file = FileChannel.open(
                books.resolve("consumed-" + number), StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            while (true) {
                watch.begin();
                byte[] message = channel.receive();
                if (message.length == 0) {
                    return;
                }
                file.write(ByteBuffer.wrap(message, 0, 12));
                watch.end();
                ByteBuffer head = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
                if (!Arrays.equals(message, message(head.getInt(0), head.getLong(4)))) {
                    throw new AssertionError("message " + head.getLong(4) + " of producer " + head.getInt(0) + " has wrong bytes");
                }
            }
        } catch (IOException problem) {
            throw new UncheckedIOException(problem);
        }
    }

    private void fight(int number) {
        MappedByteBuffer shared = map(folder.resolve("lock"), 32);
        Watch watch = new Watch(folder, number);
        long me = ProcessHandle.current().pid();
        while (!stop.isSet()) {
            watch.begin();
            lock.acquire();
            watch.end();
            inside(shared, me);
            lock.release();
        }
    }

    /** In the lock: nobody else alive may be, and the counters are equal unless the last one in it was killed there. */
    private static void inside(MappedByteBuffer shared, long me) {
        long other = shared.getLong(0);
        if (other != 0 && alive(other)) {
            throw new AssertionError("process " + other + " is in the lock, too");
        }
        shared.putLong(0, me);
        long count = shared.getLong(8);
        if (count != shared.getLong(16) && other == 0) {
            throw new AssertionError("counters differ, and nobody was killed in the lock");
        }
        shared.putLong(8, count + 1);
        shared.putLong(16, count + 1);
        if (shared.getLong(0) != me) {
            throw new AssertionError("somebody else came into the lock");
        }
        shared.putLong(0, 0);
    }

    private static boolean alive(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            char state = stat.charAt(stat.lastIndexOf(')') + 2);
            return state != 'Z' && state != 'X';
        } catch (IOException gone) {
            return false;
        }
    }

    /** Producer and number, then the payload that ledger.py gives a message of that number. */
    private static byte[] message(int producer, long sequence) {
        int size = sequence % 97 == 50 ? 200_000 : sequence % 13 == 5 ? 3_000 : (int) (sequence % 40);
        byte[] message = new byte[12 + size];
        Arrays.fill(message, (byte) sequence);
        ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN).putInt(0, producer).putLong(4, sequence);
        return message;
    }

    private static MappedByteBuffer map(Path file, int size) {
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            MappedByteBuffer bytes = channel.map(FileChannel.MapMode.READ_WRITE, 0, size);
            bytes.order(ByteOrder.LITTLE_ENDIAN);
            return bytes;
        } catch (IOException problem) {
            throw new UncheckedIOException(problem);
        }
    }

    /** How long each operation takes, for everybody to see. */
    private static final class Watch {
        private final MappedByteBuffer times;

        Watch(Path folder, int number) {
            times = map(folder.resolve("waited-" + number), 16);
        }

        void begin() {
            times.putLong(0, System.nanoTime());
        }

        void end() {
            times.putLong(8, Math.max(times.getLong(8), System.nanoTime() - times.getLong(0)));
        }
    }

    /** The agent at the other side of the inherited socket: asked for more memory, one question at a time. */
    private static final class Agent {
        private static final MethodHandle READ = function("read");
        private static final MethodHandle WRITE = function("write");
        private final int socket;

        Agent(int socket) {
            this.socket = socket;
        }

        private static MethodHandle function(String name) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(
                    linker.defaultLookup().findOrThrow(name),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
        }

        synchronized void grow(int blockClass) {
            byte[] body = new Frame(1, new Grow(blockClass)).encode();
            ByteBuffer frame = ByteBuffer.allocate(4 + body.length).order(ByteOrder.LITTLE_ENDIAN);
            transfer(WRITE, frame.putInt(body.length).put(body).array());
            int size = ByteBuffer.wrap(transfer(READ, new byte[4])).order(ByteOrder.LITTLE_ENDIAN).getInt();
            if (Frame.decode(transfer(READ, new byte[size])).body() instanceof Grown answer) {
                if (answer.need() > 0) {
                    throw new MemoryExhaustedException(answer.need(), answer.have(), answer.limit(), answer.setting());
                }
                return;
            }
            throw new IllegalStateException("the agent gave another answer");
        }

        private byte[] transfer(MethodHandle function, byte[] bytes) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment room = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
                for (long done = 0; done < bytes.length; ) {
                    long now = (long) function.invokeExact(socket, room.asSlice(done), bytes.length - done);
                    if (now <= 0) {
                        throw new IllegalStateException("the agent is gone");
                    }
                    done += now;
                }
                return room.toArray(ValueLayout.JAVA_BYTE);
            } catch (RuntimeException | Error problem) {
                throw problem;
            } catch (Throwable problem) {
                throw new IllegalStateException(problem);
            }
        }
    }
}

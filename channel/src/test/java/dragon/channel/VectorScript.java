package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.memory.Client;
import dragon.memory.Layout.BlockClass;
import dragon.memory.Layout.ClientEntry;
import dragon.memory.Layout.Header;
import dragon.memory.Layout.RecordEntry;
import dragon.memory.Layout.Slab;
import dragon.memory.Memory;
import dragon.memory.Raw;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Runs the commands of one scenario of {@code spec/vectors/memory.txt} and shows what then lies in memory. */
final class VectorScript implements AutoCloseable {
    private final TestNode node = new TestNode();
    private final Map<String, Client> clients = new HashMap<>();
    private final Map<String, SharedObject> objects = new HashMap<>();
    private final List<Long> locks = new ArrayList<>();

    void run(String command) {
        String[] words = command.split(" ", -1);
        switch (words[0]) {
            case "client" -> clients.put(words[1], node.client());
            case "bind" -> bind(words[1], words[2], role(words[3]));
            case "channel", "semaphore", "lock", "rlock", "event", "condition", "area" -> create(words);
            default -> use(words);
        }
    }

    private void create(String[] words) {
        Client client = clients.get(words[1]);
        SharedObject made = switch (words[0]) {
            case "channel" ->
                Channel.create(
                        client,
                        Integer.parseInt(words[3]),
                        Integer.parseInt(words[4]),
                        words[5].equals("1"),
                        role(words[6]));
            case "semaphore" -> Semaphore.create(client, number(words[3]), number(words[4]));
            case "lock" -> Lock.create(client, false);
            case "rlock" -> Lock.create(client, true);
            case "event" -> Event.create(client);
            case "condition" -> Condition.create(client);
            default -> Area.create(client, number(words[3]));
        };
        if (made instanceof Lock) {
            locks.add(made.offset() + Lock.OWNER);
        }
        objects.put(words[1] + words[2], made);
    }

    private void bind(String client, String name, Role role) {
        SharedObject known = objects.entrySet().stream()
                .filter(each -> each.getKey().substring(1).equals(name))
                .findFirst()
                .orElseThrow()
                .getValue();
        Client by = clients.get(client);
        SharedObject bound = switch (known) {
            case Channel c -> Channel.bind(by, c.handle(), role);
            case Semaphore s -> Semaphore.bind(by, s.handle());
            case Lock l -> Lock.bind(by, l.handle(), Slots.kind(node.memory, l.offset()) == Kind.RLOCK.code());
            case Event e -> Event.bind(by, e.handle());
            default -> throw new AssertionError(known);
        };
        objects.put(client + name, bound);
    }

    private void use(String[] words) {
        SharedObject object = objects.get(words[1] + words[2]);
        switch (words[0]) {
            case "close" -> object.close();
            case "send" -> ((Channel) object).send(data(words[4]), number(words[3]), Duration.ofDays(1));
            case "receive" -> assertThat(((Channel) object).receive()).isEqualTo(data(words[3]));
            case "expire" ->
                assertThat(((Channel) object).receiveMessage(Duration.ofNanos(1)))
                        .isNull();
            case "shut" -> ((Channel) object).shut();
            case "set" -> ((Event) object).set(Long.parseLong(words[3]));
            case "acquire" -> {
                if (object instanceof Lock lock) {
                    lock.acquire();
                } else {
                    ((Semaphore) object).acquire();
                }
            }
            case "release" -> {
                if (object instanceof Lock lock) {
                    lock.release();
                } else {
                    ((Semaphore) object).release(1);
                }
            }
            default -> throw new AssertionError(words[0]);
        }
    }

    private static int number(String word) {
        return (int) Long.parseLong(word);
    }

    private static Role role(String word) {
        return switch (word) {
            case "1" -> Role.USER;
            case "2" -> Role.SENDER;
            default -> Role.RECEIVER;
        };
    }

    private static byte[] data(String word) {
        if (!word.startsWith("*")) {
            return HexFormat.of().parseHex(word);
        }
        byte[] data = new byte[Integer.parseInt(word.substring(1))];
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) (i % 251);
        }
        return data;
    }

    /** Every word that is not zero, but for those the vectors leave out. */
    List<String> memory() {
        Memory memory = node.memory;
        TreeMap<Long, Long> words = new TreeMap<>();
        add(words, Header.NODE, Header.SIZE_OF);
        for (int client = 1; client < memory.clientsHigh(); client++) {
            long entry = memory.client(client) - memory.base();
            add(words, entry, entry + ClientEntry.SIZE_OF);
            words.remove(entry + ClientEntry.OS_PID);
            words.remove(entry + ClientEntry.PROCESS_ID);
            for (int r = 0; r < ClientEntry.INLINE_RECORDS; r++) {
                long record = memory.record(client, r) - memory.base();
                mask(words, record, 0xffffffffL);
                mask(words, record + RecordEntry.OP, 0xffffffff00000000L);
            }
        }
        addTables(words);
        mask(words, Header.RUN_STATE, 0xffffffffL); // beside it: agent_pid
        words.remove((long) Header.GRANTED);
        for (long lock : locks) {
            mask(words, lock, 0xffffffff00000000L);
        }
        return words.entrySet().stream()
                .filter(each -> each.getValue() != 0)
                .map(each -> "%x %016x".formatted(each.getKey(), each.getValue()))
                .toList();
    }

    private void addTables(Map<Long, Long> words) {
        Memory memory = node.memory;
        for (int c = 0; c < BlockClass.COUNT; c++) {
            long entry = memory.blockClass(c) - memory.base();
            if (Raw.getInt(memory.address(entry) + BlockClass.SLAB_COUNT) != 0) {
                add(words, entry, entry + BlockClass.SLABS + 4L * memory.slabsCapacity());
            }
        }
        for (int s = 1; Raw.getLong(memory.slab(s)) != 0; s++) {
            long slab = memory.slab(s) - memory.base();
            add(words, slab, slab + Slab.SIZE_OF);
            long base = Raw.getLong(memory.slab(s));
            long size = Raw.getLong(memory.blockClass(Raw.getInt(memory.slab(s) + Slab.CLASS)));
            add(words, base, base + size * Raw.getInt(memory.slab(s) + Slab.BLOCKS));
        }
    }

    private void add(Map<Long, Long> words, long from, long to) {
        for (long at = from; at < to; at += Long.BYTES) {
            long word = Raw.getLong(node.memory.address(at));
            if (word != 0) {
                words.put(at, word);
            }
        }
    }

    private static void mask(Map<Long, Long> words, long at, long bits) {
        words.computeIfPresent(at, (key, word) -> word & bits);
    }

    @Override
    public void close() {
        node.close();
    }
}

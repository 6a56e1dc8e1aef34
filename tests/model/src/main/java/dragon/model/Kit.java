package dragon.model;

import dragon.model.Code.Sub;
import java.util.HashMap;
import java.util.Map;

/** The routines of one actor that several of its operations share. */
final class Kit {
    final Actor actor;
    final World w;
    private final Map<Shared.Queue, Choose> choosers = new HashMap<>();

    Kit(Actor actor) {
        this.actor = actor;
        w = actor.world;
    }

    Choose choose(Shared.Queue queue) {
        Choose known = choosers.get(queue);
        if (known == null) {
            known = new Choose(actor, queue);
            choosers.put(queue, known);
        }
        return known;
    }

    /** A full fence: nothing to do where memory is sequentially consistent. */
    void fence(Sub sub, String label, String next, boolean real) {
        if (w.storeBuffers && real) {
            sub.shared(label, m -> {
                m.fence();
                m.note("fence");
                return next;
            });
        } else {
            sub.local(label, m -> next);
        }
    }

    /** Names the object of the operation that follows; one step with its first, since a death between has touched nothing. */
    void begin(Sub sub, String label, Shared.Thing object, String next) {
        sub.local(label, m -> {
            m.own(actor.record.op, object.id);
            return next;
        });
    }

    void end(Sub sub, String label, String next) {
        sub.own(label, m -> {
            m.own(actor.record.op, 0);
            return next;
        });
    }
}

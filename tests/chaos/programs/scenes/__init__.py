"""Kinds of processes that storm.py kills, by what they are in the middle of. Each scene has processes at work, replaces those that are killed, and keeps books."""

from scenes.data import Managers, Names, Segments, Values
from scenes.ends import Ends
from scenes.family import Families
from scenes.flow import Listeners, Pipes, Queues
from scenes.hunger import Hunger
from scenes.joins import Joinables
from scenes.lists import Lists
from scenes.locks import Barriers, Conditions, Events, Locks, Semaphores
from scenes.nests import Nests
from scenes.tasks import Executors, Pools

ALL = [
    Queues,
    Pipes,
    Ends,
    Listeners,
    Locks,
    Semaphores,
    Conditions,
    Events,
    Barriers,
    Pools,
    Executors,
    Managers,
    Values,
    Segments,
    Names,
    Families,
    Joinables,
    Lists,
    Nests,
]
SMALL = [Hunger]  # those for a run whose memory is little, by themselves

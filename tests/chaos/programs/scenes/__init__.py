"""Kinds of processes that storm.py kills, by what they are in the middle of. Each scene has processes at work, replaces those that are killed, and keeps books."""

from scenes.data import Managers, Names, Segments, Values
from scenes.family import Families
from scenes.flow import Listeners, Pipes, Queues
from scenes.locks import Barriers, Conditions, Events, Locks, Semaphores
from scenes.tasks import Executors, Pools

ALL = [
    Queues,
    Pipes,
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
]

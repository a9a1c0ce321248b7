"""Rows of datasets that the simulator has no data for, made up from their declaration in the catalog.

Here: plausible values by column type, so that a declared dataset is served without further work. Not here: the datasets
that the simulator knows (their own modules).
"""

from collections.abc import Iterator
from random import Random
from typing import Any

import orjson

from ...catalog import FLAG, REAL, TIME, WHOLE, Column, Dataset, OneAnswer, PerDevice
from .fleet import Device, Fleet
from .formats import Row, file_row, iso_utc
from .randomness import rng_for
from .state import Assessment, TenantState

_DEVICE_MEMBERS = frozenset({"deviceid", "machineid"})
_ROWS_PER_DEVICE = 2


class DeclaredRows:
    """A dataset known by its declaration only: one row per device, two where it is fetched per device."""

    def __init__(self, fleet: Fleet, dataset: Dataset) -> None:
        self.fleet = fleet
        self.dataset = dataset
        self.is_object = isinstance(dataset.fetch, OneAnswer) and dataset.fetch.is_object
        self.per_device = isinstance(dataset.fetch, PerDevice)

    def rows(self, state: TenantState) -> Iterator[Row]:
        for device in self.fleet.devices(state):
            yield from self.device_rows(device)

    def device_rows(self, device: Device) -> Iterator[Row]:
        for number in range(_ROWS_PER_DEVICE if self.per_device else 1):
            rng = rng_for(self.fleet.shape.seed, self.dataset.name, device.number, number)
            row: Row = {}
            for column in self.dataset.columns:
                if column.member.lower() in _DEVICE_MEMBERS:
                    row[column.member] = device.id
                elif column.name in self.dataset.key:
                    row[column.member] = self._key_value(column, device.number * _ROWS_PER_DEVICE + number)
                else:
                    row[column.member] = None if rng.random() < 0.1 else self._value(column, rng)
            yield row

    def _key_value(self, column: Column, number: int) -> Any:
        return number if column.type == WHOLE else f"{column.name}-{number:06d}"

    def _value(self, column: Column, rng: Random) -> Any:
        if column.many:
            return [self._single(column, rng) for _ in range(int(rng.random() * 3))]
        return self._single(column, rng)

    def _single(self, column: Column, rng: Random) -> Any:
        if column.in_text:
            return orjson.dumps({member.member: self._value(member, rng) for member in column.members}).decode()
        if column.members:
            return {member.member: self._value(member, rng) for member in column.members}
        if column.type == WHOLE:
            return int(rng.random() * 1_000)
        if column.type == REAL:
            return round(rng.random() * 10, 3)
        if column.type == FLAG:
            return rng.random() < 0.5
        if column.type == TIME:
            return iso_utc(self.fleet.epoch, rng)
        return f"{column.name} {int(rng.random() * 7)}"


class DeclaredAssessment:
    """The same as an ``AssessmentSource``, for a dataset with cursor pages and export files."""

    def __init__(self, declared: DeclaredRows) -> None:
        self.declared = declared

    def count(self, device: Device, assessment: Assessment) -> int:
        return 1

    def rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        return self.declared.device_rows(device)

    def file_rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        return (file_row(row) for row in self.rows(device, assessment))

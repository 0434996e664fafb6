import msgspec

from adapters.xero.authorizer import TokenAnswer
from adapters.xero.regions.au.structs import Payslip
from adapters.xero.source import Pagination
from domain.model.sync import Tally
from entrypoints.decoders import prepare_decoders
from workers.events import CloudEvent, ConnectCompletedData


def test_every_struct_is_known_before_there_are_threads() -> None:
    known = set(prepare_decoders())
    assert {TokenAnswer, Payslip, Pagination, CloudEvent, ConnectCompletedData, Tally} <= known


def test_a_type_that_is_added_is_found_by_itself() -> None:
    added = msgspec.defstruct("Added", [("id", str)], module="adapters.xero.regions.nowhere")
    assert added in prepare_decoders()

"""What the official v2-to-FHIR maps carry of a message, as tables: the ground on which a round trip is judged.

Source: HL7 v2-to-FHIR (hl7.fhir.uv.v2mappings 1.0.0), segment maps and data type maps, CC0-1.0; HL7 v2.5.1 for the data types.
"""

from typing import Final

# segment -> data type in 2.5.1, and the fields of it that the segment maps give a FHIR target
_FIELDS: Final = {
    "MSH": "TS 7; MSG 9; ST 10; PT 11; ID 17; CE 19",
    "EVN": "TS 2 6; IS 4; XCN 5; HD 7",
    "PID": (
        "CX 2 3 4 18 21; XPN 5 6 9; TS 7 29 33; IS 8 12; XAD 11; XTN 13 14 40; CE 15 16 17 26 28 35 36; ST 19 23; "
        "DLN 20; ID 24 30; NM 25; HD 34; CWE 39"
    ),
    "PD1": "XON 3 14; XCN 4; IS 6 7",
    "NK1": "XPN 2 30; CE 3 7 20; XAD 4 32; XTN 5 6 31 40 41; DT 8 9; CX 12 33; XON 13; IS 15; TS 16; ST 37",
    "MRG": "CX 1 3; XPN 7",
    "PV1": "IS 2 4 10 13 14 15 16 36 40; PL 3 6 11 42 43; CX 5 19 50 54; XCN 7 8 9 17 52; FC 20; DLD 37; CE 38; TS 44 45; ST 53",
    "PV2": "PL 1; CE 3 38; TS 8 9; NM 11; ST 12; XCN 13; ID 22; IS 25",
    "ROL": "EI 1; CE 3 8 9 10; XCN 4; TS 5 6; XAD 11; XTN 12; PL 13; XON 14",
    "AL1": "CE 2 3 4; ST 5; DT 6",
    "IAM": "CE 2 3 4 15 17; ST 5 12; EI 7; DT 11; TS 13; XPN 14; CWE 27",
    "DG1": "CE 3; ST 4; TS 5 19; IS 6; ID 15 21; XCN 16; EI 20 22",
    "PR1": "CE 3 15 16; ST 4; TS 5; IS 6; NM 7; XCN 8 11 12; EI 19 25; PL 23",
    "IN1": "CE 2 17; XON 4 11; XAD 5; CX 10 49; DT 12 13; IS 15; XPN 16",
    "ORC": "ID 1 5; EI 2 3 4 38; TQ 7; TS 9; XCN 10 11 12 19; XTN 14 23; CE 16 17 18; XON 21; XAD 22 24; CWE 28 29; CX 33",
    "OBR": (
        "EI 2 3; CE 4 31 39 46 47; ID 5 11 24 25; TS 6 7 8 14 22; CQ 9; XCN 10 16; ST 13; SPS 15; XTN 17; TQ 27; EIP 29; "
        "NDL 32 34 35; CX 53"
    ),
    "TQ1": "CQ 2 5 6 13; RPT 3; TM 4; TS 7 8; CWE 9; TX 10 11; NM 14",
    "OBX": "CE 3 6 15 17; ST 4 7; varies 5; IS 8; ID 10 11 29 30; TS 14 19; XCN 16 25; EI 18 21; CWE 20; XON 23; XAD 24; EIP 33",
    "NTE": "FT 3; CE 4; XCN 5; TS 6; CWE 9",
    "SPM": "EIP 2 3; CWE 4 6 7 8 24 27; CQ 12; ST 14; DR 17; TS 18; ID 20; CX 30 31; EI 32",
    "TXA": "IS 2; ID 3 17 18 19; TS 6; XCN 9 10; EI 12 13; ST 16 25",
    "SCH": "EI 1 2 26 27; CE 6 7 8 25; NM 9; TQ 11; XCN 12 16 20",
    "AIS": "CE 3 10 11 12; TS 4; NM 5 7",
    "AIG": "CE 3 4; TS 8; NM 9 11",
    "AIL": "PL 3; TS 6; NM 7 9",
    "AIP": "XCN 3; CE 4 12; TS 6; NM 7 9",
    "RF1": "CE 1 2 3 5 10; EI 6 11; TS 7 8",
    "PRD": "CE 1; XPN 2; XAD 3; XTN 5; PLN 7",
    "RXO": "CE 1 4 5 12 19; NM 2 3 11 13 18 25; ID 9; XCN 14; CWE 26",
    "RXE": "CE 2 5 6; NM 3 4; CQ 19",
    "RXR": "CE 1 5; CWE 2 4",
    "RXA": "TS 3 16 22; CE 5 7 17 18 19; NM 6; XCN 10; ST 15; ID 20 21; PL 27; XAD 28",
    "SFT": "XON 1; ST 2 3 4; TX 5; TS 6",
}
# data type -> the components that the data type maps carry and 2.5.1 has
_COMPONENTS: Final = {
    "CE": "1 2 3 4 5 6",
    "CWE": "1 2 3 4 5 6 7 8 9",
    "CX": "1 2 3 4 5 7 8",
    "XPN": "1 2 3 4 5 6 7 11 12 13 14",
    "XCN": "1 2 3 4 5 6 7 9 10 11 12 13 18 19 20 21",
    "XAD": "1 2 3 4 5 6 7 9 10 13 14",
    "XTN": "1 2 3 4 5 6 7 8 9 12",
    "EI": "1 2 3 4",
    "EIP": "1 2",
    "HD": "1 2 3",
    "XON": "1 3 6 7 10",
    "PL": "1 2 3 4 7 8 9",
    "NDL": "1 2 3 4 5 6 7 10 11",
    "DLD": "1",
    "DLN": "1 2 3",
    "FC": "1",
    "CQ": "1 2",
    "PT": "1",
    "MSG": "1 2",
    "TQ": "1 2 3 4 5 6 12",
    "SPS": "1 2 3 4 6",
    "RPT": "1 2 3 4 5 6 8 9 10",
    "PLN": "1 2 3 4",
    "IS": "1",
    "ID": "1",
    "ST": "1",
    "TX": "1",
    "FT": "1",
    "NM": "1",
    "TS": "1",
    "DT": "1",
    "TM": "1",
    "DR": "1 2",
}
# data type -> components that are times
TIMES: Final[dict[str, frozenset[int]]] = {
    "TS": frozenset({1}),
    "DT": frozenset({1}),
    "CX": frozenset({7, 8}),
    "XPN": frozenset({12, 13}),
    "XAD": frozenset({13, 14}),
    "DR": frozenset({1, 2}),
    "NDL": frozenset({2, 3}),
    "TQ": frozenset({4, 5}),
    "XCN": frozenset({19, 20}),
    "XTN": frozenset({13, 14}),
    "PLN": frozenset({4}),
    "DLN": frozenset({3}),
}
# data type -> components that FHIR has as one list of words: the lines of an address, given names, suffixes
JOINED: Final[dict[str, tuple[tuple[int, ...], ...]]] = {"XAD": ((1, 2, 19),), "XPN": ((2, 3), (4, 6, 14)), "XCN": ((3, 4), (5, 21))}
# data type -> components that name a coding system
SYSTEMS: Final[dict[str, frozenset[int]]] = {"CE": frozenset({3, 6}), "CWE": frozenset({3, 6})}
# data type -> components that are an amount and the unit of time it is in; each pair is one length
LENGTHS: Final[dict[str, tuple[tuple[int, int], ...]]] = {"CQ": ((1, 2),), "RPT": ((5, 6), (9, 10))}
# data type -> component and subcomponent -> those that 2.5.1, or FHIR, prefers for the same
PREFERRED: Final[dict[str, dict[tuple[int, int], tuple[int, int]]]] = {
    "XTN": {(12, 1): (1, 1), (1, 1): (4, 1)},
    "XON": {(3, 1): (10, 1)},
    "CWE": {(9, 1): (2, 1), (2, 1): (9, 1)},
    "XAD": {(9, 2): (9, 1)},
    "CQ": {(2, 2): (2, 1)},
    "CE": {(2, 1): (1, 1)},
    "varies": {(2, 1): (1, 1)},
}

FIELDS: Final[dict[str, dict[int, str]]] = {
    segment: {int(n): kind for part in row.split("; ") for kind, *numbers in [part.split()] for n in numbers}
    for segment, row in _FIELDS.items()
}
COMPONENTS: Final = {kind: frozenset(map(int, row.split())) for kind, row in _COMPONENTS.items()}

"""What the official v2-to-FHIR maps carry of a message, as tables: the ground on which a round trip is judged.

Source: HL7 v2-to-FHIR (hl7.fhir.uv.v2mappings 1.0.0), segment maps and data type maps, CC0-1.0; HL7 v2.5.1 for the data types.
"""

from typing import Final

# segment -> field -> data type in 2.5.1: the fields that the segment maps give a FHIR target
FIELDS: Final[dict[str, dict[int, str]]] = {
    "MSH": {7: "TS", 9: "MSG", 10: "ST", 11: "PT", 17: "ID", 19: "CE"},
    "EVN": {2: "TS", 4: "IS", 5: "XCN", 6: "TS", 7: "HD"},
    "PID": {2: "CX", 3: "CX", 4: "CX", 5: "XPN", 6: "XPN", 7: "TS", 8: "IS", 9: "XPN", 11: "XAD", 12: "IS", 13: "XTN", 14: "XTN", 15: "CE",
            16: "CE", 17: "CE", 18: "CX", 19: "ST", 20: "DLN", 21: "CX", 23: "ST", 24: "ID", 25: "NM", 26: "CE", 28: "CE", 29: "TS", 30: "ID",
            33: "TS", 34: "HD", 35: "CE", 36: "CE", 39: "CWE", 40: "XTN"},
    "PD1": {3: "XON", 4: "XCN", 6: "IS", 7: "IS", 14: "XON"},
    "NK1": {2: "XPN", 3: "CE", 4: "XAD", 5: "XTN", 6: "XTN", 7: "CE", 8: "DT", 9: "DT", 12: "CX", 13: "XON", 15: "IS", 16: "TS", 20: "CE",
            30: "XPN", 31: "XTN", 32: "XAD", 33: "CX", 37: "ST", 40: "XTN", 41: "XTN"},
    "MRG": {1: "CX", 3: "CX", 7: "XPN"},
    "PV1": {2: "IS", 3: "PL", 4: "IS", 5: "CX", 6: "PL", 7: "XCN", 8: "XCN", 9: "XCN", 10: "IS", 11: "PL", 13: "IS", 14: "IS", 15: "IS",
            16: "IS", 17: "XCN", 19: "CX", 20: "FC", 36: "IS", 37: "DLD", 38: "CE", 40: "IS", 42: "PL", 43: "PL", 44: "TS", 45: "TS", 50: "CX",
            52: "XCN", 53: "ST", 54: "CX"},
    "PV2": {1: "PL", 3: "CE", 8: "TS", 9: "TS", 11: "NM", 12: "ST", 13: "XCN", 22: "ID", 25: "IS", 38: "CE"},
    "ROL": {1: "EI", 3: "CE", 4: "XCN", 5: "TS", 6: "TS", 8: "CE", 9: "CE", 10: "CE", 11: "XAD", 12: "XTN", 13: "PL", 14: "XON"},
    "AL1": {2: "CE", 3: "CE", 4: "CE", 5: "ST", 6: "DT"},
    "IAM": {2: "CE", 3: "CE", 4: "CE", 5: "ST", 7: "EI", 11: "DT", 12: "ST", 13: "TS", 14: "XPN", 15: "CE", 17: "CE", 27: "CWE"},
    "DG1": {3: "CE", 4: "ST", 5: "TS", 6: "IS", 15: "ID", 16: "XCN", 19: "TS", 20: "EI", 21: "ID", 22: "EI"},
    "PR1": {3: "CE", 4: "ST", 5: "TS", 6: "IS", 7: "NM", 8: "XCN", 11: "XCN", 12: "XCN", 15: "CE", 16: "CE", 19: "EI", 23: "PL", 25: "EI"},
    "IN1": {2: "CE", 4: "XON", 5: "XAD", 10: "CX", 11: "XON", 12: "DT", 13: "DT", 15: "IS", 16: "XPN", 17: "CE", 49: "CX"},
    "ORC": {1: "ID", 2: "EI", 3: "EI", 4: "EI", 5: "ID", 7: "TQ", 9: "TS", 10: "XCN", 11: "XCN", 12: "XCN", 14: "XTN", 16: "CE", 17: "CE",
            18: "CE", 19: "XCN", 21: "XON", 22: "XAD", 23: "XTN", 24: "XAD", 28: "CWE", 29: "CWE", 33: "CX", 38: "EI"},
    "OBR": {2: "EI", 3: "EI", 4: "CE", 5: "ID", 6: "TS", 7: "TS", 8: "TS", 9: "CQ", 10: "XCN", 11: "ID", 13: "ST", 14: "TS", 15: "SPS",
            16: "XCN", 17: "XTN", 22: "TS", 24: "ID", 25: "ID", 27: "TQ", 29: "EIP", 31: "CE", 32: "NDL", 34: "NDL", 35: "NDL", 39: "CE",
            46: "CE", 47: "CE", 53: "CX"},
    "TQ1": {2: "CQ", 3: "RPT", 4: "TM", 5: "CQ", 6: "CQ", 7: "TS", 8: "TS", 9: "CWE", 10: "TX", 11: "TX", 13: "CQ", 14: "NM"},
    "OBX": {3: "CE", 4: "ST", 5: "varies", 6: "CE", 7: "ST", 8: "IS", 10: "ID", 11: "ID", 14: "TS", 15: "CE", 16: "XCN", 17: "CE", 18: "EI",
            19: "TS", 20: "CWE", 21: "EI", 23: "XON", 24: "XAD", 25: "XCN", 29: "ID", 30: "ID", 33: "EIP"},
    "NTE": {3: "FT", 4: "CE", 5: "XCN", 6: "TS", 9: "CWE"},
    "SPM": {2: "EIP", 3: "EIP", 4: "CWE", 6: "CWE", 7: "CWE", 8: "CWE", 12: "CQ", 14: "ST", 17: "DR", 18: "TS", 20: "ID", 24: "CWE",
            27: "CWE", 30: "CX", 31: "CX", 32: "EI"},
    "TXA": {2: "IS", 3: "ID", 6: "TS", 9: "XCN", 10: "XCN", 12: "EI", 13: "EI", 16: "ST", 17: "ID", 18: "ID", 19: "ID", 25: "ST"},
    "SCH": {1: "EI", 2: "EI", 6: "CE", 7: "CE", 8: "CE", 9: "NM", 11: "TQ", 12: "XCN", 16: "XCN", 20: "XCN", 25: "CE", 26: "EI", 27: "EI"},
    "AIS": {3: "CE", 4: "TS", 5: "NM", 7: "NM", 10: "CE", 11: "CE", 12: "CE"},
    "AIG": {3: "CE", 4: "CE", 8: "TS", 9: "NM", 11: "NM"},
    "AIL": {3: "PL", 6: "TS", 7: "NM", 9: "NM"},
    "AIP": {3: "XCN", 4: "CE", 6: "TS", 7: "NM", 9: "NM", 12: "CE"},
    "RF1": {1: "CE", 2: "CE", 3: "CE", 5: "CE", 6: "EI", 7: "TS", 8: "TS", 10: "CE", 11: "EI"},
    "PRD": {1: "CE", 2: "XPN", 3: "XAD", 5: "XTN", 7: "PLN"},
    "RXO": {1: "CE", 2: "NM", 3: "NM", 4: "CE", 5: "CE", 9: "ID", 11: "NM", 12: "CE", 13: "NM", 14: "XCN", 18: "NM", 19: "CE", 25: "NM",
            26: "CWE"},
    "RXE": {2: "CE", 3: "NM", 4: "NM", 5: "CE", 6: "CE", 19: "CQ"},
    "RXR": {1: "CE", 2: "CWE", 4: "CWE", 5: "CE"},
    "RXA": {3: "TS", 5: "CE", 6: "NM", 7: "CE", 10: "XCN", 15: "ST", 16: "TS", 17: "CE", 18: "CE", 19: "CE", 20: "ID", 21: "ID", 22: "TS",
            27: "PL", 28: "XAD"},
    "SFT": {1: "XON", 2: "ST", 3: "ST", 4: "ST", 5: "TX", 6: "TS"},
}  # fmt: skip
# data type -> the components that the data type maps carry and 2.5.1 has
COMPONENTS: Final[dict[str, set[int]]] = {
    "CE": {1, 2, 3, 4, 5, 6},
    "CWE": {1, 2, 3, 4, 5, 6, 7, 8, 9},
    "CX": {1, 2, 3, 4, 5, 7, 8},
    "XPN": {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14},
    "XCN": {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 18, 19, 20, 21},
    "XAD": {1, 2, 3, 4, 5, 6, 7, 9, 10, 13, 14},
    "XTN": {1, 2, 3, 4, 5, 6, 7, 8, 9, 12},
    "EI": {1, 2, 3, 4},
    "EIP": {1, 2},
    "HD": {1, 2, 3},
    "XON": {1, 3, 6, 7, 10},
    "PL": {1, 2, 3, 4, 7, 8, 9},
    "NDL": {1, 2, 3, 4, 5, 6, 7, 10, 11},
    "DLD": {1},
    "DLN": {1, 2, 3},
    "FC": {1},
    "CQ": {1, 2},
    "PT": {1},
    "MSG": {1, 2},
    "TQ": {1, 2, 3, 4, 5, 6, 12},
    "SPS": {1, 2, 3, 4, 6},
    "RPT": {1, 2, 3, 4, 5, 6, 8, 9},
    "PLN": {1, 2, 3, 4},
    "IS": {1}, "ID": {1}, "ST": {1}, "TX": {1}, "FT": {1}, "NM": {1}, "TS": {1}, "DT": {1}, "TM": {1},
    "DR": {1, 2},
}  # fmt: skip
# data type -> components that are times
TIMES: Final[dict[str, set[int]]] = {"TS": {1}, "DT": {1}, "CX": {7, 8}, "XPN": {12, 13}, "XAD": {13, 14}, "DR": {1, 2}, "NDL": {2, 3}, "TQ": {4, 5}, "XCN": {19, 20},
         "XTN": {13, 14}, "PLN": {4}, "DLN": {3}}  # fmt: skip
# data type -> components that FHIR has as one list of words: the lines of an address, given names, suffixes
JOINED: Final[dict[str, tuple[tuple[int, ...], ...]]] = {"XAD": ((1, 2, 19),), "XPN": ((2, 3), (4, 6, 14)), "XCN": ((3, 4), (5, 21))}
# data type -> component and subcomponent -> those that 2.5.1, or FHIR, prefers for the same
PREFERRED: Final[dict[str, dict[tuple[int, int], tuple[int, int]]]] = {
    "XTN": {(12, 1): (1, 1), (1, 1): (4, 1)},
    "XON": {(3, 1): (10, 1)},
    "CWE": {(9, 1): (2, 1)},
    "CQ": {(2, 2): (2, 1)},
    "CE": {(2, 1): (1, 1)},
    "varies": {(2, 1): (1, 1)},
}

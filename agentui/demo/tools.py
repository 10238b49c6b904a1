"""Host tools for the demo: small tables, no network.

Source: IUPAC abridged standard atomic weights (2021), Pauling electronegativities; NASA planetary fact sheets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_ELEMENTS: dict[str, tuple[str, int, float, float | None]] = {
    "H": ("hydrogen", 1, 1.008, 2.20),
    "He": ("helium", 2, 4.0026, None),
    "Li": ("lithium", 3, 6.94, 0.98),
    "Be": ("beryllium", 4, 9.0122, 1.57),
    "B": ("boron", 5, 10.81, 2.04),
    "C": ("carbon", 6, 12.011, 2.55),
    "N": ("nitrogen", 7, 14.007, 3.04),
    "O": ("oxygen", 8, 15.999, 3.44),
    "F": ("fluorine", 9, 18.998, 3.98),
    "Ne": ("neon", 10, 20.180, None),
    "Na": ("sodium", 11, 22.990, 0.93),
    "Mg": ("magnesium", 12, 24.305, 1.31),
    "Al": ("aluminium", 13, 26.982, 1.61),
    "Si": ("silicon", 14, 28.085, 1.90),
    "P": ("phosphorus", 15, 30.974, 2.19),
    "S": ("sulfur", 16, 32.06, 2.58),
    "Cl": ("chlorine", 17, 35.45, 3.16),
    "Ar": ("argon", 18, 39.95, None),
    "K": ("potassium", 19, 39.098, 0.82),
    "Ca": ("calcium", 20, 40.078, 1.00),
    "Fe": ("iron", 26, 55.845, 1.83),
    "Cu": ("copper", 29, 63.546, 1.90),
    "Zn": ("zinc", 30, 65.38, 1.65),
    "Br": ("bromine", 35, 79.904, 2.96),
    "Ag": ("silver", 47, 107.87, 1.93),
    "I": ("iodine", 53, 126.90, 2.66),
    "Au": ("gold", 79, 196.97, 2.54),
}
"Symbol: name, atomic number, standard atomic weight, electronegativity (Pauling)."

_PLANETS: dict[str, tuple[float, float, int]] = {
    "Mercury": (57.9, 88.0, 4879),
    "Venus": (108.2, 224.7, 12104),
    "Earth": (149.6, 365.2, 12756),
    "Mars": (228.0, 687.0, 6792),
    "Jupiter": (778.5, 4331.0, 142984),
    "Saturn": (1432.0, 10747.0, 120536),
    "Uranus": (2867.0, 30589.0, 51118),
    "Neptune": (4515.0, 59800.0, 49528),
}
"Name: mean distance from the Sun (million km), orbital period (days), equatorial diameter (km)."


def look_up_element(symbol: str) -> dict[str, Any]:
    """Look up a chemical element: name, atomic number, standard atomic weight and electronegativity.

    Args:
        symbol: The element's symbol, such as "Fe".

    Returns:
        A dict with the keys name, atomic_number, atomic_weight and electronegativity (None for noble gases).

    Raises:
        ValueError: The table does not have that element.
    """
    if symbol not in _ELEMENTS:
        msg = f"no element {symbol!r} in the table, which has {', '.join(_ELEMENTS)}"
        raise ValueError(msg)
    name, number, weight, electronegativity = _ELEMENTS[symbol]
    return {
        "name": name,
        "atomic_number": number,
        "atomic_weight": weight,
        "electronegativity": electronegativity,
    }


def look_up_planet(name: str) -> dict[str, Any]:
    """Look up a planet of the solar system: distance from the Sun, length of its year and diameter.

    Args:
        name: The planet's English name, such as "Mars".

    Returns:
        A dict with the keys distance_million_km, period_days and diameter_km.

    Raises:
        ValueError: There is no such planet.
    """
    planet = _PLANETS.get(name.strip().title())
    if planet is None:
        msg = f"no planet {name!r}: the planets are {', '.join(_PLANETS)}"
        raise ValueError(msg)
    distance, period, diameter = planet
    return {"distance_million_km": distance, "period_days": period, "diameter_km": diameter}


DEMO_TOOLS: tuple[Callable[..., Any], ...] = (look_up_element, look_up_planet)

"""The page's colours and type as a Gradio theme: system fonts, one accent, nothing loaded from elsewhere."""
# Gradio's own types are partly unknown.
# pyright: reportUnknownMemberType=false, reportPrivateImportUsage=false

from __future__ import annotations

import gradio as gr
from gradio.themes.utils import colors

SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Ubuntu", "Cantarell", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Cascadia Code", "JetBrains Mono", "DejaVu Sans Mono", "Menlo", "monospace")
ACCENT = colors.Color(
    name="pine",
    c50="#eefaf6",
    c100="#d3f2e7",
    c200="#a9e4d1",
    c300="#72cfb5",
    c400="#3fb397",
    c500="#1f987d",
    c600="#127a65",
    c700="#106253",
    c800="#114e44",
    c900="#114039",
    c950="#052521",
)
NEUTRAL = colors.Color(
    name="ink",
    c50="#f7f8f8",
    c100="#eff1f1",
    c200="#e1e5e5",
    c300="#c9cfcf",
    c400="#98a2a3",
    c500="#657173",
    c600="#4d5759",
    c700="#394244",
    c800="#242b2d",
    c900="#171d1f",
    c950="#0f1315",
)


VALUES: dict[str, str] = {
    "body_background_fill": "*neutral_50",
    "body_background_fill_dark": "*neutral_950",
    "background_fill_primary": "white",
    "background_fill_primary_dark": "*neutral_900",
    "background_fill_secondary": "*neutral_50",
    "background_fill_secondary_dark": "*neutral_950",
    "border_color_primary": "*neutral_200",
    "border_color_primary_dark": "*neutral_800",
    "body_text_color": "*neutral_900",
    "body_text_color_dark": "*neutral_100",
    "body_text_color_subdued": "*neutral_500",
    "body_text_color_subdued_dark": "*neutral_400",
    "block_background_fill": "transparent",
    "block_background_fill_dark": "transparent",
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_label_background_fill": "transparent",
    "block_label_background_fill_dark": "transparent",
    "block_label_text_color": "*body_text_color_subdued",
    "block_label_text_color_dark": "*body_text_color_subdued",
    "block_title_text_color": "*body_text_color_subdued",
    "block_title_text_color_dark": "*body_text_color_subdued",
    "input_background_fill": "white",
    "input_background_fill_dark": "*neutral_900",
    "input_border_color": "*neutral_300",
    "input_border_color_dark": "*neutral_700",
    "input_border_width": "1px",
    "input_shadow": "none",
    "input_shadow_focus": "0 0 0 3px color-mix(in srgb, *primary_500 22%, transparent)",
    "input_border_color_focus": "*primary_600",
    "input_border_color_focus_dark": "*primary_400",
    "button_primary_background_fill": "*primary_600",
    "button_primary_background_fill_hover": "*primary_700",
    "button_primary_background_fill_dark": "*primary_600",
    "button_primary_background_fill_hover_dark": "*primary_500",
    "button_primary_text_color": "white",
    "button_primary_text_color_dark": "white",
    "button_secondary_background_fill": "white",
    "button_secondary_background_fill_dark": "*neutral_900",
    "button_secondary_background_fill_hover": "*neutral_100",
    "button_secondary_background_fill_hover_dark": "*neutral_800",
    "button_secondary_border_color": "*neutral_300",
    "button_secondary_border_color_dark": "*neutral_700",
    "button_border_width": "1px",
    "button_transform_hover": "none",
    "button_transform_active": "none",
    "code_background_fill": "*neutral_50",
    "code_background_fill_dark": "*neutral_950",
}
"Colours and lines by Gradio's names; `*` refers to the theme's own hues."


def make_theme() -> gr.themes.Base:
    """The theme."""
    theme = gr.themes.Base(
        primary_hue=ACCENT,
        secondary_hue=ACCENT,
        neutral_hue=NEUTRAL,
        font=SANS,
        font_mono=MONO,
        text_size="sm",
        spacing_size="sm",
        radius_size="md",
    )
    return theme.set(**VALUES)

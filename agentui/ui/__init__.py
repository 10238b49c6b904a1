"""The page. `events.py`, `layout.py`, `settings_panel.py` and `theme.py` import Gradio; the rest makes plain values."""

import os

# Gradio reads these when it is imported: nothing is sent home, and finished events are not analysed one by one.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "500")
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "500")

"""The playground as a Hugging Face Space runs it: `python app.py`."""

from agentui.settings import Settings
from agentui.ui.app import build_app, launch

settings = Settings.from_env()
demo = build_app(settings)

if __name__ == "__main__":
    launch(settings, demo=demo)

"""Known servers by name: where they are, which variable holds their key, and models to start with.

Model names come and go; they are suggestions, any other name is sent as it is typed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """A server that can be chosen by name."""

    name: str
    title: str
    base_url: str
    api_key_env: str | None
    "Environment variable of its key; None for a server that wants none."
    model_ids: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """It runs on this machine."""
        return self.api_key_env is None


PRESETS: tuple[Preset, ...] = (
    Preset("openai", "OpenAI", "https://api.openai.com/v1", "OPENAI_API_KEY", ("gpt-5-mini", "gpt-5", "gpt-4o")),
    Preset(
        "huggingface",
        "Hugging Face Inference Providers",
        "https://router.huggingface.co/v1",
        "HF_TOKEN",
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "openai/gpt-oss-120b", "moonshotai/Kimi-K2-Instruct"),
    ),
    Preset(
        "kimi",
        "Kimi (Moonshot)",
        "https://api.moonshot.ai/v1",
        "MOONSHOT_API_KEY",
        ("kimi-k2.5", "kimi-k2-turbo-preview"),
    ),
    Preset(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        ("deepseek-chat", "deepseek-reasoner"),
    ),
    Preset(
        "qwen",
        "Qwen (DashScope)",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        "DASHSCOPE_API_KEY",
        ("qwen-plus", "qwen3-coder-plus", "qwen-max"),
    ),
    Preset("glm", "GLM (Z.ai)", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY", ("glm-4.7", "glm-4.6", "glm-4.5-air")),
    Preset(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        ("qwen/qwen3-coder", "deepseek/deepseek-chat", "moonshotai/kimi-k2"),
    ),
    Preset(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        ("openai/gpt-oss-120b", "llama-3.3-70b-versatile"),
    ),
    Preset(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        ("mistral-medium-latest", "devstral-small-latest"),
    ),
    Preset(
        "gemini",
        "Gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        ("gemini-2.5-flash", "gemini-2.5-pro"),
    ),
    Preset("xai", "xAI", "https://api.x.ai/v1", "XAI_API_KEY", ("grok-4", "grok-code-fast-1")),
    Preset(
        "together",
        "Together",
        "https://api.together.xyz/v1",
        "TOGETHER_API_KEY",
        ("Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8", "deepseek-ai/DeepSeek-V3.1"),
    ),
    Preset("ollama", "Ollama", "http://localhost:11434/v1", None, ("qwen3:8b", "gpt-oss:20b", "deepseek-r1:8b")),
    Preset("vllm", "vLLM", "http://localhost:8000/v1", None),
    Preset("llama.cpp", "llama.cpp server", "http://localhost:8080/v1", None),
    Preset("lmstudio", "LM Studio", "http://localhost:1234/v1", None),
)
"""All presets, in the order to show them."""

"""Which names of Python and of its common libraries read, write, connect or start something."""

from __future__ import annotations

NETWORK_MODULES = frozenset(
    {
        "aiohttp",
        "ftplib",
        "http",
        "httpx",
        "imaplib",
        "paramiko",
        "poplib",
        "requests",
        "smtplib",
        "socket",
        "socketserver",
        "ssl",
        "telnetlib",
        "urllib",
        "urllib3",
        "websocket",
        "websockets",
        "xmlrpc",
    }
)
"Importing one of them, or something in it, is said to reach the network."

READERS = frozenset({"io.open_code", "os.listdir", "os.scandir", "os.walk", "glob.glob", "glob.iglob"})
"Functions, by their full names, that read what their first argument names."
READING_METHODS = frozenset({"fromfile", "genfromtxt", "imread", "loadtxt"})
"Functions and methods of any module whose first argument names what is read."
PATH_READERS = frozenset({"iterdir", "read_bytes", "read_text"})
"Methods of a path that read it."

WRITERS = frozenset(
    {
        "numpy.save",
        "os.chmod",
        "os.link",
        "os.makedirs",
        "os.mkdir",
        "os.remove",
        "os.removedirs",
        "os.rename",
        "os.replace",
        "os.rmdir",
        "os.symlink",
        "os.truncate",
        "os.unlink",
        "shutil.copy",
        "shutil.copy2",
        "shutil.copyfile",
        "shutil.copytree",
        "shutil.make_archive",
        "shutil.move",
        "shutil.rmtree",
        "sqlite3.connect",
    }
)
"Functions, by their full names, that change what their first argument names; of two names the last is changed too."
WRITING_METHODS = frozenset(
    {"imsave", "imwrite", "save", "savefig", "savetxt", "savez", "savez_compressed", "tofile", "write_html"}
    | {f"to_{form}" for form in ("clipboard", "csv", "excel", "feather", "hdf", "html", "json", "latex", "markdown")}
    | {f"to_{form}" for form in ("orc", "parquet", "pickle", "sql", "stata", "xml")}
)
"Functions and methods of any module whose first argument, if there is one, names what is written."
PATH_WRITERS = frozenset({"mkdir", "rmdir", "touch", "unlink", "write_bytes", "write_text"})
"Methods of a path that change it."
TARGETS = ("path_or_buf", "fname", "path", "file", "fp", "filename", "filepath_or_buffer", "excel_writer", "buf", "io")
"How the argument may be called that names a file."

PROCESSES = frozenset({"os.fork", "os.forkpty", "os.kill", "os.killpg", "os.popen", "os.startfile", "os.system"})
PROCESS_PREFIXES = (
    "subprocess.",
    "os.exec",
    "os.spawn",
    "os.posix_spawn",
    "pty.",
    "multiprocessing.",
    "asyncio.create_sub",
)
"How the full names begin of what starts other programs."

DYNAMIC = frozenset(
    {
        "__import__",
        "compile",
        "dill.load",
        "dill.loads",
        "eval",
        "exec",
        "importlib.import_module",
        "marshal.loads",
        "pickle.load",
        "pickle.loads",
        "runpy.run_module",
        "runpy.run_path",
    }
)
"Functions that run code which is not written here."
BY_NAME = frozenset({"delattr", "getattr", "setattr", "vars", "globals", "locals", "operator.attrgetter"})
"Functions that reach things by names which may be computed."
DYNAMIC_MODULES = frozenset({"_posixsubprocess", "cffi", "ctypes", "nt", "posix"})
ENDS = frozenset({"exit", "final_answer", "os._exit", "quit", "sys.exit"})
"Calls that leave a loop for good."
ENDLESS_ITERATORS = frozenset({"itertools.count", "itertools.cycle"})

ALL_NAMES = frozenset({"globals", "locals", "vars"})
"Functions that without an argument give everything that has a name."
OPENERS = frozenset({"io.open", "open", "os.open"})
INNER = frozenset({"__builtins__", "sys.modules"})
"Names from which everything else can be reached."
INNER_ATTRIBUTES = frozenset(
    {"__builtins__", "__dict__", "__getattribute__", "__globals__", "__loader__", "__subclasses__"}
)
MODULES = frozenset(
    {
        "builtins",
        "importlib",
        "marshal",
        "multiprocessing",
        "os",
        "pickle",
        "pty",
        "runpy",
        "shutil",
        "subprocess",
        "sys",
    }
)
"Modules that are not passed on under another name without somebody noticing."

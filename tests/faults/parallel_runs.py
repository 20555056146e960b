"""A run under mpirun and its processes: on this machine, or on two network namespaces that stand for two machines."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def run_quietly(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Machine:
    """This one."""
    mpirun = ["mpirun", "--oversubscribe", "--bind-to", "none"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class TwoMachines(Machine):
    """Two network namespaces with host names of their own, and a cable between them. Needs root and iproute2."""

    def __init__(self, folder):
        self.names = ["kelvin-a", "kelvin-b"]
        self.link = f"kv{os.getpid()}"
        agent = folder / "agent.sh"  # in place of ssh: HOST COMMAND...
        agent.write_text('#!/bin/sh\nhost=$1; shift\n'
                         'exec ip netns exec "$host" unshare --uts sh -c "hostname $host; $*"\n')
        agent.chmod(0o755)
        first = self.names[0]
        here = ["ip", "netns", "exec", first, "unshare", "--uts", "sh", "-c", f'hostname {first}; exec "$@"', "sh"]
        self.mpirun = [*here, "mpirun", "--bind-to", "none", "-H", ",".join(name + ":2" for name in self.names),
                       "--map-by", "node", "--mca", "plm_rsh_agent", str(agent),
                       "--mca", "oob_tcp_if_include", self.link, "--mca", "btl_tcp_if_include", self.link]

    def __enter__(self):
        self.__exit__()
        for name in self.names:
            run_quietly("ip", "netns", "add", name)
        first, second = self.names
        run_quietly("ip", "link", "add", self.link, "netns", first, "type", "veth",
                    "peer", "name", self.link, "netns", second)
        for i, name in enumerate(self.names):
            run_quietly("ip", "-n", name, "address", "add", f"10.77.0.{i + 1}/24", "dev", self.link)
            run_quietly("ip", "-n", name, "link", "set", "lo", "up")
            run_quietly("ip", "-n", name, "link", "set", self.link, "up")
        return self

    def __exit__(self, *_):
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)

    def set_link(self, state):
        run_quietly("ip", "-n", self.names[0], "link", "set", self.link, state)
        while state == "up" and not self.is_connected():
            time.sleep(0.1)

    def is_connected(self):
        """Whether each side refuses a connection from the other, instead of not being found."""
        knock = "import socket, sys; sys.exit(socket.socket().connect_ex((sys.argv[1], 1)) != 111)"
        return all(subprocess.run(["ip", "netns", "exec", name, sys.executable, "-c", knock, f"10.77.0.{2 - i}"],
                                  check=False).returncode == 0 for i, name in enumerate(self.names))


class Run:
    """One mpirun, its output, and all processes that it has started on whatever machine, found by a variable."""

    def __init__(self, settings, machine, folder, ranks, arguments, environment=None):
        mark = f"{os.getpid()}.{time.monotonic_ns()}"
        self.mark = f"KELVIN_TRIAL={mark}".encode()
        passed = {"KELVIN_TRIAL": mark, "KELVIN_CACHE": str(settings.folder / "cache"), "OMP_NUM_THREADS": "1",
                  "OMP_WAIT_POLICY": "passive"}
        command = [*machine.mpirun, "-n", str(ranks), "--wdir", str(folder)]
        for name, value in {**passed, **(environment or {})}.items():
            command += ["-x", f"{name}={value}"]
        command += [settings.program, *arguments.split(), "--hang-after", str(settings.hang_after)]
        self.err = settings.folder / "stderr.txt"
        self.started = time.monotonic()
        own = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "TMPDIR": str(settings.folder)}
        with open(self.err, "wb") as err:
            self.mpirun = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err,
                                           env={**os.environ, **passed, **own}, start_new_session=True)

    def processes(self):
        """(process id, name, environment) of all that belong to the run, mpirun and its daemons included."""
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                variables = Path(f"/proc/{entry}/environ").read_bytes().split(b"\0")
                if self.mark in variables:
                    yield int(entry), Path(f"/proc/{entry}/comm").read_text().strip(), variables
            except OSError:
                continue  # it has ended

    def ranks(self):
        """{rank: process id}"""
        mine = b"OMPI_COMM_WORLD_RANK="
        return {int(v[len(mine):]): process for process, name, variables in self.processes() if name == "kelvin"
                for v in variables if v.startswith(mine)}

    def rank(self, number):
        """Its process id, once it is there; None where the run ends before."""
        while self.mpirun.poll() is None:
            if (process := self.ranks().get(number)) is not None:
                return process
            time.sleep(0.005)
        return None

    def wait_until_gone(self, seconds):
        """Whether all ranks have gone by then."""
        end = time.monotonic() + seconds
        while self.ranks():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def end(self, seconds):
        """The exit code of mpirun, None where it has to be killed after that time; and all that it left is killed."""
        try:
            return self.mpirun.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            for process, _, _ in list(self.processes()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            self.mpirun.wait()

    def errors(self):
        return self.err.read_text(errors="replace")

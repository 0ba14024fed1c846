"""A real S3 server on loopback: Ceph's object gateway with one monitor and one store in memory, no systemd.

Debian: apt-get install -y --no-install-recommends radosgw ceph-mon ceph-osd ceph-common uuid-runtime
It checks signatures, conditional writes, multipart uploads and ranges as AWS does, and starts in about 15 s.
Run `python -m tests.support.s3` to have one by hand; it prints its environment and ends on Ctrl-C.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.config
import botocore.session

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
ACCESS_KEY = "LOOPBACKTEST"
SECRET_KEY = "loopback-test-secret"
REGION = "us-east-1"


def missing_programs() -> list[str]:
    """The programs that the server needs and this machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class S3Server:
    """`start()` it, make buckets, give `env` to those who shall reach it, `stop()` it."""

    port: int = field(default_factory=free_port)
    _folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="s3-")))
    _daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _buckets: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The variables by which any S3 client finds its credentials; the endpoint goes by `endpoint`."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> Any:
        """A plain botocore client, to look at the server from another side."""
        config = botocore.config.Config(signature_version="s3v4", s3={"addressing_style": "path"})
        return botocore.session.Session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name=REGION,
            config=config,
        )

    def new_bucket(self) -> str:
        """The name of a bucket that is empty and nobody else's."""
        self._buckets += 1
        name = f"bucket-{self._buckets:04d}"
        client = self.client()
        client.create_bucket(Bucket=name)
        client.close()
        return name

    def limit_bucket(self, bucket: str, size_bytes: int) -> None:
        """Gives a bucket a quota."""
        self._run(
            "radosgw-admin",
            "quota",
            "set",
            "--quota-scope=bucket",
            f"--bucket={bucket}",
            f"--max-size={size_bytes}",
        )
        self._run("radosgw-admin", "quota", "enable", "--quota-scope=bucket", f"--bucket={bucket}")

    def start(self) -> None:
        """Returns when the server answers; raises RuntimeError with the logs if it does not."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends the daemons and removes all they wrote."""
        for daemon in reversed(self._daemons):
            daemon.kill()  # its data are in memory and worth nothing
        for daemon in self._daemons:
            daemon.wait()
        self._daemons.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        monitor_port, cluster_id = free_port(), str(uuid.uuid4())
        for name in ("mon", "osd", "run", "log", "rgw"):
            (self._folder / name).mkdir()
        self._conf.write_text(_configuration(self._folder, cluster_id, monitor_port, self.port))
        self._start_monitor(cluster_id, monitor_port)
        self._start_store()
        self._daemon("radosgw", "-n", "client.rgw.a")
        self._wait("the gateway", self._answers)
        keys = ("--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY)
        self._run("radosgw-admin", "user", "create", "--uid=test", "--display-name=test", *keys)

    def _start_monitor(self, cluster_id: str, port: int) -> None:
        monmap = str(self._folder / "monmap")
        self._run(
            "monmaptool", "--create", "--addv", "a", f"[v1:127.0.0.1:{port}]", "--fsid", cluster_id, monmap
        )
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap)
        self._daemon("ceph-mon", "-i", "a")
        self._wait("the monitor", lambda: self._succeeds("ceph", "--connect-timeout", "2", "-s"))

    def _start_store(self) -> None:
        store_id = str(uuid.uuid4())
        self._run("ceph", "osd", "new", store_id)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", store_id)
        for last in (False, False, False, True):
            self._daemon("ceph-osd", "-i", "0")
            try:
                self._wait("the store", lambda: self._tells("1 up", "ceph", "osd", "stat"))
                return
            except RuntimeError:
                # It gives up at once if it speaks to the monitor before it was told the cluster's name.
                if last or self._daemons[-1].poll() is None:
                    raise
                self._daemons.pop()

    @property
    def _conf(self) -> Path:
        return self._folder / "ceph.conf"

    def _command(self, program: str, *arguments: str) -> list[str]:
        conf = [] if program == "monmaptool" else ["-c", str(self._conf)]
        return [program, *conf, *arguments]

    def _run(self, program: str, *arguments: str) -> str:
        command = self._command(program, *arguments)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
        return done.stdout

    def _tells(self, words: str, program: str, *arguments: str) -> bool:
        """Whether it succeeds and says so; a monitor that has just begun may still refuse to be asked."""
        command = self._command(program, *arguments)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode == 0 and words in done.stdout

    def _succeeds(self, program: str, *arguments: str) -> bool:
        return self._tells("", program, *arguments)

    def _daemon(self, program: str, *arguments: str) -> None:
        with (self._folder / "log" / f"{program}.out").open("wb") as log:
            command = self._command(program, *arguments, "-f")
            self._daemons.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _wait(self, what: str, ready: Callable[[], bool], seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > until or any(daemon.poll() is not None for daemon in self._daemons):
                raise RuntimeError(f"{what} did not start: {self._last_words()}")
            time.sleep(0.2)

    def _last_words(self) -> str:
        logs = sorted((self._folder / "log").iterdir())
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-800:]}" for log in logs)


def _configuration(folder: Path, cluster_id: str, monitor_port: int, port: int) -> str:
    return f"""[global]
fsid = {cluster_id}
mon_host = v1:127.0.0.1:{monitor_port}
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_data_avail_crit = 1
mon_max_pg_per_osd = 2000
run_dir = {folder}/run
admin_socket = {folder}/run/$name.asok
pid_file = {folder}/run/$name.pid
log_file = {folder}/log/$name.log
mon_data = {folder}/mon
osd_data = {folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_class_load_list = *
osd_class_default_list = *
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_data = {folder}/rgw
"""


def main() -> None:
    """A server to try things on, until Ctrl-C."""
    server = S3Server()
    server.start()
    try:
        for name, value in (server.env | {"FARM_S3_ENDPOINT": server.endpoint}).items():
            print(f"export {name}={value}")
        print(f"# s3://{server.new_bucket()}", flush=True)
        server._daemons[-1].wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()


if __name__ == "__main__":
    main()

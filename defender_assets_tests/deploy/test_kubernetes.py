"""What ``deploy/kubernetes`` holds, as Kubernetes and Dagster read it; there is no cluster here."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.test_utils import create_run_for_test

from defender_assets.orchestration.dagster_home import SHIPPED_CONFIGURATION
from defender_assets.settings import Settings, variable

from ..peers import library
from ..rules.places import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
VERSION = "1.31"
RESTRICTED = {
    "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "values.yaml").read_text())
    return found


def manifests() -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all((FOLDER / "manifests.yaml").read_text()) if document]


def check(manifest: Mapping[str, Any]) -> None:
    """Raises where Kubernetes does not know a member, or its type is another."""
    library("kubernetes_validate", "kubernetes-validate")
    import kubernetes_validate

    kubernetes_validate.validate(manifest, VERSION, strict=True)


def code_location(values: dict[str, Any]) -> dict[str, Any]:
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    assert isinstance(deployment, dict)
    return deployment


@pytest.mark.parametrize(
    "manifest", manifests(), ids=lambda manifest: f"{manifest['kind']} {manifest['metadata']['name']}"
)
def test_a_manifest_is_one(manifest: dict[str, Any]) -> None:
    check(manifest)


@pytest.mark.parametrize("part", ["code", "dagsterDaemon", "dagsterWebserver"])
def test_a_part_is_nobodys_on_a_read_only_disk_within_its_bounds(values: dict[str, Any], part: str) -> None:
    """Put into a Deployment as the chart does it."""
    given = code_location(values) if part == "code" else values[part]
    container = {
        "name": "dagster",
        "image": f"{given['image']['repository']}:{given['image']['tag']}",
        "env": given.get("env", []),
        "securityContext": given["securityContext"],
        "resources": given["resources"],
        "volumeMounts": given["volumeMounts"],
    }
    if "readinessProbe" in given:
        container["readinessProbe"] = given["readinessProbe"]
    pod = {"containers": [container], "securityContext": given["podSecurityContext"], "volumes": given["volumes"]}
    labels = {"part": part}
    check(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": part.lower()},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }
    )
    assert given["securityContext"] == RESTRICTED
    assert given["podSecurityContext"]["runAsNonRoot"]
    assert {"memory"} <= given["resources"]["limits"].keys()
    assert {mount["name"] for mount in given["volumeMounts"]} == {volume["name"] for volume in given["volumes"]}


def test_no_secret_is_in_the_environment_of_a_pod_nor_in_the_values(values: dict[str, Any]) -> None:
    given = code_location(values)
    environment = {item["name"]: item for item in given["env"]}
    known = {variable(field) for field in Settings.model_fields}
    assert environment.keys() <= known
    mounted = {
        f"/run/secrets/defender/{item['path']}"
        for volume in given["volumes"]
        for item in volume.get("secret", {}).get("items", ())
    }
    files = {item["value"].removeprefix("file:") for item in given["env"] if item.get("value", "").startswith("file:")}
    assert files == mounted
    assert {"DEFENDER_CLIENT_SECRET", "DEFENDER_BUDGET_REDIS"} <= environment.keys()
    assert "postgresqlPassword" not in values["postgresql"]


@pytest.fixture
def instance(values: dict[str, Any], tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with what the chart makes of the values, but for the database."""
    library("dagster_k8s", "defender-assets[kubernetes]")
    given = values["runLauncher"]["config"]["k8sRunLauncher"]
    run = given["runK8sConfig"]
    launcher = {
        "load_incluster_config": False,
        "kubeconfig_file": str(tmp_path / "kubeconfig"),
        "job_namespace": "defender-assets",
        "image_pull_policy": given["imagePullPolicy"],
        "service_account_name": "dagster",
        "dagster_home": "/opt/dagster/dagster_home",
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": values["global"]["postgresqlSecretName"],
        "labels": given["labels"],
        "resources": given["resources"],
        "fail_pod_on_run_failure": given["failPodOnRunFailure"],
        "run_k8s_config": {
            "pod_spec_config": run["podSpecConfig"],
            "container_config": run["containerConfig"],
            "job_spec_config": run["jobSpecConfig"],
        },
    }
    cluster = {"name": "none", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "none", "context": {"cluster": "none", "user": "none"}}
    kubeconfig = {"clusters": [cluster], "contexts": [context], "users": [], "current-context": "none"}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    coordinator = values["dagsterDaemon"]["runCoordinator"]
    limits = coordinator["config"]["queuedRunCoordinator"]
    configuration = {
        "run_launcher": {"module": "dagster_k8s", "class": values["runLauncher"]["type"], "config": launcher},
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": coordinator["type"],
            "config": {
                "max_concurrent_runs": limits["maxConcurrentRuns"],
                "tag_concurrency_limits": limits["tagConcurrencyLimits"],
                "dequeue_use_threads": limits["dequeueUseThreads"],
                "dequeue_num_workers": limits["dequeueNumWorkers"],
            },
        },
        "telemetry": values["telemetry"],
        **values["additionalInstanceConfig"],
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(configuration))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def test_dagster_takes_the_configuration_and_crashes_alone_are_made_again(
    instance: dg.DagsterInstance, values: dict[str, Any]
) -> None:
    shipped = yaml.safe_load(SHIPPED_CONFIGURATION.read_text())
    given = values["additionalInstanceConfig"]
    queue = values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert queue["tagConcurrencyLimits"] == shipped["concurrency"]["runs"]["tag_concurrency_limits"]
    dequeued = {"dequeue_use_threads": queue["dequeueUseThreads"], "dequeue_num_workers": queue["dequeueNumWorkers"]}
    assert dequeued == shipped["run_queue"]
    coordinator: Any = instance.run_coordinator
    assert (coordinator.dequeue_use_threads, coordinator.dequeue_num_workers) == (True, 4)
    assert (given["run_retries"], given["nux"]) == (shipped["run_retries"], shipped["nux"])
    assert given["run_monitoring"]["max_runtime_seconds"] == shipped["run_monitoring"]["max_runtime_seconds"]
    assert instance.run_retries_max_retries == 1
    assert not instance.run_retries_retry_on_asset_or_op_failure
    assert instance.run_monitoring_enabled


def test_the_pod_of_a_run_is_one_and_as_bound_as_the_others(
    instance: dg.DagsterInstance, values: dict[str, Any]
) -> None:
    """Made by Dagster's own launcher, with what the chart gives the code location's runs."""
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import construct_dagster_k8s_job
    from kubernetes.client import ApiClient

    launcher: Any = instance.run_launcher
    given = code_location(values)
    code = {"env": given["env"], "volumes": given["volumes"], "volume_mounts": given["volumeMounts"]}
    own = K8sContainerContext.create_from_config({"k8s": {"namespace": "defender-assets", **code}})
    context = K8sContainerContext.create_for_run(create_run_for_test(instance), launcher, include_run_tags=False).merge(
        own
    )
    image = f"{given['image']['repository']}:{given['image']['tag']}"
    job = construct_dagster_k8s_job(
        context.get_k8s_job_config(image, launcher),
        args=["dagster", "api", "execute_run"],
        job_name="run",
        user_defined_k8s_config=context.run_k8s_config,
        component="run_worker",
    )
    manifest = ApiClient().sanitize_for_serialization(job)
    check(manifest)
    template = manifest["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["securityContext"] == RESTRICTED
    assert template["spec"]["securityContext"]["runAsNonRoot"]
    assert template["metadata"]["labels"]["part"] == "run"
    assert container["resources"]["limits"] == values["runLauncher"]["config"]["k8sRunLauncher"]["resources"]["limits"]
    assert {"lake", "scratch", "application"} <= {mount["name"] for mount in container["volumeMounts"]}


def test_everything_is_forbidden_but_what_is_named_and_only_code_and_runs_reach_out() -> None:
    policies = {item["metadata"]["name"]: item["spec"] for item in manifests() if item["kind"] == "NetworkPolicy"}
    assert policies["nothing-by-default"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    everywhere = {
        name
        for name, policy in policies.items()
        for rule in policy.get("egress", ())
        for peer in rule.get("to", ())
        if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
    }
    assert everywhere == {"code", "runs", "login"}
    (reached,) = policies["webserver"]["ingress"]
    assert reached["from"] == [{"podSelector": {"matchLabels": {"part": "login"}}}]

"""The cluster for real: it comes up, each node is killed once while cars pass, and both malls' accounts balance."""

import json
import subprocess

import pytest
from cluster_stack import CLUSTER_UP, MALLS, RABBITMQ, REDIS, ClusterStack
from compose_stack import documented_commands, need_engine
from the_tree import ROOT

CARS = 60
pytestmark = pytest.mark.timeout(1_200)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    need_engine()
    it = ClusterStack(tmp_path_factory.mktemp("cluster"))
    it.compose("build")
    try:
        it.up()
        yield it
    finally:
        it.down()


def test_the_page_says_how_it_is_started():
    said = documented_commands(ROOT / "docs" / "scaling.md")
    assert {ClusterStack.secrets_command, CLUSTER_UP} <= set(said)


def test_the_console_and_the_command_line_know_both_malls(cluster):
    said = json.loads(cluster.compose("run", "--rm", "--no-deps", "north-cli", "cells", "list", "--json"))
    assert {one["mall"]: one["status"] for one in said} == dict.fromkeys(MALLS, "ready")


def test_every_queue_gets_a_member_on_each_node(cluster):
    """That of the exit generator, too, which a node makes before the others have joined."""
    cluster.until(lambda: cluster.lonely_queues() == [], lambda: f"{cluster.lonely_queues()}")


@pytest.mark.parametrize("node", RABBITMQ)
def test_a_node_that_stands_still_is_dead_to_the_others_as_soon_as_the_runbook_says(cluster, node):
    said = cluster.compose("exec", "-T", node, "rabbitmqctl", "-q", "eval", "net_kernel:get_net_ticktime().")
    assert said.strip() == "15"


@pytest.mark.parametrize("node", [*RABBITMQ, *REDIS])
def test_a_node_is_killed_while_cars_pass(cluster, node):
    """One after the other, the primary among them; the others do its work until it is back."""
    cluster.come(CARS)
    killed = f"{cluster.project}-{node}-1"
    subprocess.run(["docker", "kill", killed], check=True, capture_output=True)
    try:
        cluster.come(CARS)
    finally:
        subprocess.run(["docker", "start", killed], check=True, capture_output=True)
    cluster.until(lambda: cluster.healthy(node), lambda: f"{node} is not healthy again")
    cluster.come(CARS)


def test_all_of_redis_restarts_at_once(cluster):
    cluster.compose("restart", *REDIS, "sentinel-1", "sentinel-2", "sentinel-3")
    cluster.come(CARS)


def test_nothing_is_lost_or_doubled_in_either_mall(cluster):
    assert cluster.all_wrong() == {}

"""Every kind of fault by its name: kind (what each is), then a module for each sort."""

from typing import Final

from chaos.kinds.clusters import CLUSTERS
from chaos.kinds.failovers import FAILOVERS
from chaos.kinds.generators import GENERATORS
from chaos.kinds.kind import Drawn, Kind, Need
from chaos.kinds.networks import NETWORKS
from chaos.kinds.operations import OPERATIONS
from chaos.kinds.processes import PROCESSES
from chaos.kinds.refusals import REFUSALS
from chaos.kinds.replacements import REPLACEMENTS
from chaos.kinds.servers import SERVERS
from chaos.kinds.strangers import STRANGERS

_ALL: Final = [*PROCESSES, *GENERATORS, *SERVERS, *NETWORKS, *REFUSALS, *STRANGERS, *OPERATIONS, *REPLACEMENTS]
KINDS: Final = {kind.name: kind for kind in _ALL}
CLUSTER_KINDS: Final = {kind.name: kind for kind in [*CLUSTERS, *FAILOVERS]}
"""Those of a mall on clusters."""

__all__ = ["CLUSTER_KINDS", "KINDS", "Drawn", "Kind", "Need"]

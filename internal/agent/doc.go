// Package agent brings image archives to the other nodes of a MicroK8s cluster, through the cluster agent that runs on each of them.
//
// The agent takes POST https://NODE:25000/cluster/api/v2.0/image/import with the callback token of the cluster in a header and a tar as
// body, which it feeds to "ctr image import -" of its own node (canonical/microk8s-cluster-agent, pkg/api/v2/image.go and register.go,
// pkg/snap/snap.go; since MicroK8s 1.25). It keeps what fits its node's platform, pins nothing, and cuts a request after --timeout
// seconds, 240 where the node's args/cluster-agent does not say otherwise.
//
// [Find] reads from the MicroK8s tree what is needed, [Kubeconfig] and [Others] tell which nodes there are, [Agents.PushAll] pushes.
// The archive is streamed: no more than some buffers of it are ever in memory, however many nodes there are. "microk8s images import"
// does the same with the whole archive in memory, without looking at certificates, and exits with 0 when nodes have failed.
//
// The callback token opens more than imports: its holder may also reconfigure every node. It is therefore only sent over TLS that was
// verified, directly and not by way of any proxy, and never printed.
package agent

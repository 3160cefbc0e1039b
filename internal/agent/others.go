package agent

import (
	"errors"
	"slices"
	"strings"
)

// Others leaves our own node out. That is the one that has one of our addresses; where none has, the one of our host name, which
// Kubernetes knows in lower case. Where no node is ours an error says so: these are not the nodes of this node's cluster, and
// it is not to be guessed which one has to do without.
func Others(nodes []Node, hostname string, addresses []string) ([]Node, error) {
	isOurs := func(n Node) bool {
		return slices.ContainsFunc(n.Addresses, func(a string) bool { return slices.Contains(addresses, a) })
	}
	if !slices.ContainsFunc(nodes, isOurs) {
		name := strings.ToLower(hostname)
		isOurs = func(n Node) bool { return name != "" && (n.Hostname == name || n.Name == name) }
	}
	if !slices.ContainsFunc(nodes, isOurs) {
		return nil, errors.New("looking for this node among the cluster's: none has its host name or one of its addresses")
	}
	return slices.DeleteFunc(slices.Clone(nodes), isOurs), nil
}

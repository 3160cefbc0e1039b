package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Lister tells which nodes a cluster has.
type Lister interface {
	Nodes(ctx context.Context) ([]Node, error)
}

var _ Lister = (*API)(nil)

// pageSize is how many nodes are asked for at a time. A node object has some 10 to 100 KiB, most of it the list of its images.
const pageSize = 100

// page is of a NodeList what is needed.
type page struct {
	Metadata struct {
		Continue string `json:"continue"`
	} `json:"metadata"`
	Nodes []struct {
		Metadata struct {
			Name   string            `json:"name"`
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
		Status struct {
			Addresses []struct {
				Type    string `json:"type"`
				Address string `json:"address"`
			} `json:"addresses"`
			Conditions []struct {
				Type   string `json:"type"`
				Status string `json:"status"`
			} `json:"conditions"`
		} `json:"status"`
	} `json:"items"`
}

// errExpired says that the list changed so much between two pages that the rest of it is no longer to be had.
var errExpired = errors.New("the list of nodes expired between two pages")

// Nodes lists the nodes, ours among them, in the order of the API server, which is by name.
func (k *API) Nodes(ctx context.Context) ([]Node, error) {
	client := k.client()
	defer client.CloseIdleConnections()
	nodes, err := k.list(ctx, client)
	if errors.Is(err, errExpired) {
		nodes, err = k.list(ctx, client)
	}
	if err != nil {
		return nil, fmt.Errorf("listing the nodes of %q: %w", k.server.Host, err)
	}
	return nodes, nil
}

func (k *API) list(ctx context.Context, client *http.Client) ([]Node, error) {
	var nodes []Node
	next := ""
	for {
		p, err := k.page(ctx, client, next)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, p.read()...)
		if p.Metadata.Continue == "" {
			return nodes, nil
		}
		if p.Metadata.Continue == next {
			return nil, errors.New("the API server gives the same page again and again")
		}
		next = p.Metadata.Continue
	}
}

func (k *API) page(ctx context.Context, client *http.Client, next string) (page, error) {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if next != "" {
		query.Set("continue", next)
	}
	target := k.server.JoinPath("/api/v1/nodes")
	target.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return page{}, err
	}
	request.Header.Set("Accept", "application/json")
	k.authorize(request)
	response, err := client.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // the address is said already
		}
		return page{}, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusGone && next != "" {
		return page{}, errExpired
	}
	var p page
	if response.StatusCode != http.StatusOK {
		var status struct {
			Message string `json:"message"`
		}
		// An answer that is no Status has no message, and then its number has to do.
		_ = json.NewDecoder(http.MaxBytesReader(nil, response.Body, maxAnswer)).Decode(&status)
		return page{}, fmt.Errorf("the API server said %s: %q", response.Status, clip(status.Message))
	}
	if err := json.NewDecoder(response.Body).Decode(&p); err != nil {
		return page{}, fmt.Errorf("reading the list: %w", err)
	}
	return p, nil
}

func (p page) read() []Node {
	var nodes []Node
	for _, n := range p.Nodes {
		node := Node{Name: n.Metadata.Name, Hostname: n.Metadata.Labels["kubernetes.io/hostname"], Arch: n.Metadata.Labels["kubernetes.io/arch"]}
		for _, a := range n.Status.Addresses {
			if a.Type == "InternalIP" {
				node.Addresses = append(node.Addresses, a.Address)
			}
		}
		if len(node.Addresses) > 0 {
			node.Address = node.Addresses[0]
		}
		for _, c := range n.Status.Conditions {
			if c.Type == "Ready" {
				node.Ready = c.Status == "True"
			}
		}
		nodes = append(nodes, node)
	}
	return nodes
}

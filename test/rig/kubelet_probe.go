package rig

import (
	"context"
	"net"
	"net/http"
	"time"
)

// probeFailures are so many in a row that a pod is not ready any more: Kubernetes' default.
const probeFailures = 3

// report says whether the pod is ready, where the API server has it otherwise.
func (p *kubeletPod) report() error {
	p.failures++
	if p.probe() {
		p.failures = 0
	} else if p.failures < probeFailures {
		return nil
	}
	status := "False"
	if p.failures == 0 {
		status = "True"
	}
	if p.said == status && p.object.ready() == (status == "True") {
		return nil
	}
	if p.said != status {
		p.said, p.since = status, now()
	}
	type object = map[string]any
	c := p.object.Spec.Containers[0]
	_, err := p.kube.Do(p.killed, http.MethodPatch, p.object.path()+"/status", object{"status": object{
		"phase": "Running", "conditions": conditions(status, p.since),
		"containerStatuses": []object{{"name": c.Name, "image": c.Image, "imageID": "", "ready": status == "True", "restartCount": 0, "state": object{"running": object{}}}},
	}})
	return err
}

// conditions are those of a pod that runs, and is ready or not since then.
func conditions(ready, since string) []map[string]any {
	all := []map[string]any{{"type": "PodScheduled", "status": "True"}, {"type": "Initialized", "status": "True"}}
	for _, kind := range []string{"ContainersReady", "Ready"} {
		all = append(all, map[string]any{"type": kind, "status": ready, "lastTransitionTime": since})
	}
	return all
}

// probe asks the process whether it is ready. One that cannot be asked is, as soon as it runs.
func (p *kubeletPod) probe() bool {
	if p.ended < len(p.object.Spec.InitContainers) {
		return false
	}
	path := p.object.Spec.Containers[0].ReadinessProbe.HTTPGet.Path
	if path == "" {
		return true
	}
	ctx, cancel := context.WithTimeout(p.killed, time.Second) // Kubernetes' default
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://node"+path, nil)
	if err != nil {
		return false
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", p.socket())
	}}}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

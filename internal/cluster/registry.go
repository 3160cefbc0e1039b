package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/regsync/regsync/plan"
)

// What MicroK8s' add-on makes (addons/registry/registry.yaml in canonical/microk8s-core-addons).
const (
	registryNamespace = "container-registry"
	registryName      = "registry" // of the deployment, the service, and the label app of the pods
	registryClaim     = "registry-claim"
	registryPort      = 32000
)

// defaultClass marks the storage class that is taken where none is named (pkg/volume/util of Kubernetes).
const defaultClass = "storageclass.kubernetes.io/is-default-class"

// registry is what there is of the add-on; nil what is not.
type registry struct {
	deployment *deployment
	claim      *claim
	service    *service
	classes    []storageClass
}

type meta struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Annotations map[string]string `json:"annotations"`
}

type condition struct{ Type, Status, Reason, Message string }

type deployment struct {
	Status struct{ Conditions []condition }
}

type claim struct {
	Spec struct {
		StorageClassName string
		Resources        struct{ Requests struct{ Storage string } }
	}
	Status struct{ Phase string }
}

type service struct {
	Metadata meta
	Spec     struct {
		Ports []struct{ NodePort int }
	}
}

type storageClass struct {
	Metadata             meta
	AllowVolumeExpansion bool
}

func (s storageClass) isDefault() bool { return s.Metadata.Annotations[defaultClass] == "true" }

// Registry gives MicroK8s' built-in registry as its objects show it. What microk8s status says is not asked: it takes any pod whose name
// begins with registry for it.
func (k *Client) Registry(ctx context.Context) (plan.LiveAddon, error) {
	r, err := k.registry(ctx)
	if err != nil {
		return plan.LiveAddon{}, err
	}
	live := plan.LiveAddon{Enabled: r.deployment != nil || r.claim != nil}
	for _, class := range r.classes {
		live.Classes = append(live.Classes, class.Metadata.Name)
		if class.isDefault() {
			live.Default = class.Metadata.Name
		}
	}
	if r.claim != nil {
		live.Size, live.StorageClass = wholeGi(r.claim.Spec.Resources.Requests.Storage), r.claim.Spec.StorageClassName
		live.Grows = slices.ContainsFunc(r.classes, func(c storageClass) bool {
			return c.Metadata.Name == live.StorageClass && c.AllowVolumeExpansion
		})
	}
	if !live.Enabled {
		return live, nil
	}
	if live.Missing, err = k.missing(ctx, r); err == nil {
		live.Faults, err = k.faults(ctx, r)
	}
	return live, err
}

func (k *Client) registry(ctx context.Context) (registry, error) {
	var r registry
	var classes struct{ Items []storageClass }
	for _, what := range []struct {
		path string
		t    target
		into any
	}{
		{"/apis/apps/v1", target{"deployments", registryNamespace, registryName}, &r.deployment},
		{"/api/v1", target{"persistentvolumeclaims", registryNamespace, registryClaim}, &r.claim},
		{"/api/v1", target{"services", registryNamespace, registryName}, &r.service},
		{"/apis/storage.k8s.io/v1", target{resource: "storageclasses"}, &classes},
	} {
		if err := k.read(ctx, what.path, what.t, "", what.into); err != nil && !errors.Is(err, errMissing) {
			return r, err
		}
	}
	r.classes = classes.Items
	return r, nil
}

// read reads an object, or all of a kind that a selector (fieldSelector=…, labelSelector=…; empty: any) chooses.
func (k *Client) read(ctx context.Context, path string, t target, selector string, into any) error {
	verb := "get"
	if t.name == "" {
		verb = "list"
	}
	if t.namespace != "" {
		path += "/namespaces/" + t.namespace
	}
	path = strings.TrimSuffix(path+"/"+t.resource+"/"+t.name, "/")
	request := k.core.Get().AbsPath(path).SetHeader("Accept", "application/json")
	if key, value, ok := strings.Cut(selector, "="); ok {
		request = request.Param(key, value)
	}
	data, err := raw(ctx, request)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	return k.problem(err, verb, t)
}

// wholeGi gives a quantity as the add-on takes it, where it is one: 1Ti is 1024Gi.
func wholeGi(quantity string) string {
	const gi = 1 << 30
	q, err := resource.ParseQuantity(quantity)
	if err != nil || q.Value()%gi != 0 {
		return quantity
	}
	return fmt.Sprintf("%dGi", q.Value()/gi)
}

// missing says what of the add-on is not there. Waiting does not bring it.
func (k *Client) missing(ctx context.Context, r registry) ([]string, error) {
	var list []string
	if r.claim == nil {
		list = append(list, "claim "+registryClaim+" is not there")
	}
	if r.deployment == nil {
		list = append(list, "deployment "+registryName+" is not there")
	}
	if r.service != nil {
		return list, nil
	}
	why, err := k.portHolder(ctx)
	return append(list, sentence("service "+registryName+" is not there", why)), err
}

// faults says why what is there is not ready; none where it is.
func (k *Client) faults(ctx context.Context, r registry) ([]string, error) {
	var faults []string
	for _, look := range []func(context.Context, registry) (string, error){k.claimFault, k.podFault} {
		fault, err := look(ctx, r)
		if err != nil {
			return nil, err
		}
		if fault != "" {
			faults = append(faults, fault)
		}
	}
	if len(faults) > 0 || r.service == nil {
		return faults, nil
	}
	if fault := answers(ctx, registryPort); fault != "" {
		faults = append(faults, fault)
	}
	return faults, nil
}

// claimFault says why the volume is not there yet, in the words of the last event.
func (k *Client) claimFault(ctx context.Context, r registry) (string, error) {
	if r.claim == nil || r.claim.Status.Phase == "Bound" {
		return "", nil
	}
	why, err := k.lastEvent(ctx, "PersistentVolumeClaim", registryClaim)
	return sentence("claim "+registryClaim+" is "+cmp.Or(r.claim.Status.Phase, "Pending"), why), err
}

// podFault says why no pod serves.
func (k *Client) podFault(ctx context.Context, r registry) (string, error) {
	if r.deployment == nil {
		return "", nil
	}
	failure := ""
	for _, c := range r.deployment.Status.Conditions {
		switch {
		case c.Type == "Available" && c.Status == "True":
			return "", nil
		case c.Type == "ReplicaFailure" && c.Status == "True":
			failure = sentence("no pod can be made", c.Message)
		}
	}
	if failure != "" {
		return failure, nil
	}
	var pods struct{ Items []pod }
	err := k.read(ctx, "/api/v1", target{"pods", registryNamespace, ""}, "labelSelector=app="+registryName, &pods)
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		failure, err = refused.Error(), nil
	}
	for _, p := range pods.Items {
		if fault := p.fault(); fault != "" {
			return fault, nil
		}
	}
	return sentence("no pod of deployment "+registryName+" is ready", failure), err
}

type pod struct {
	Metadata meta
	Status   struct {
		Conditions        []condition
		ContainerStatuses []struct {
			State struct {
				Waiting struct{ Reason, Message string }
			}
		}
	}
}

// fault says why a pod does not run, as scheduler and kubelet say it.
func (p pod) fault() string {
	for _, c := range p.Status.ContainerStatuses {
		if w := c.State.Waiting; w.Reason != "" && w.Reason != "ContainerCreating" {
			return sentence("pod "+p.Metadata.Name+": "+w.Reason, w.Message)
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == "PodScheduled" && c.Status == "False" {
			return sentence("pod "+p.Metadata.Name+": "+c.Reason, c.Message)
		}
	}
	return ""
}

// portHolder names the service that has the registry's port, if one has: the API server refused ours then, and MicroK8s only printed that.
// Where we may not ask, it says so, as all do that only look for a reason.
func (k *Client) portHolder(ctx context.Context) (string, error) {
	var all struct{ Items []service }
	err := k.read(ctx, "/api/v1", target{resource: "services"}, "", &all)
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return refused.Error(), nil
	}
	for _, s := range all.Items {
		for _, p := range s.Spec.Ports {
			if p.NodePort == registryPort {
				return fmt.Sprintf("service %s/%s has taken its port, %d", s.Metadata.Namespace, s.Metadata.Name, registryPort), nil
			}
		}
	}
	return "", err
}

// lastEvent gives what was last told of an object; empty where nothing was.
func (k *Client) lastEvent(ctx context.Context, kind, name string) (string, error) {
	var events struct {
		Items []struct {
			LastTimestamp, EventTime string
			Message                  string
			InvolvedObject           struct{ Kind string }
		}
	}
	err := k.read(ctx, "/api/v1", target{"events", registryNamespace, ""}, "fieldSelector=involvedObject.name="+name, &events)
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return refused.Error(), nil
	}
	last, message := "", ""
	for _, e := range events.Items {
		if at := cmp.Or(e.LastTimestamp, e.EventTime); e.InvolvedObject.Kind == kind && at >= last {
			last, message = at, e.Message
		}
	}
	return message, err
}

// sentence adds a reason, if there is one; others end theirs with a full stop.
func sentence(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + strings.TrimSuffix(why, ".")
}

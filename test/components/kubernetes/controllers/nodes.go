package main

import (
	"context"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/kubernetes/pkg/controller/daemon"
	"k8s.io/kubernetes/pkg/controller/nodelifecycle"
	"k8s.io/kubernetes/pkg/controller/podgc"
	"k8s.io/kubernetes/pkg/controller/tainteviction"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/profile"
)

// How long the controllers of nodes take their time; behind it what it is in kube-controller-manager.
const (
	monitorPeriod = 200 * time.Millisecond // how often the conditions of nodes are looked at: 5 s
	gcPeriod      = 500 * time.Millisecond // how often pods are looked for whose node is gone: 20 s
	quarantine    = 500 * time.Millisecond // how long a node has to be gone for that: 40 s
	silence       = 24 * time.Hour         // after which a node is given up that says nothing: 40 s. Nobody renews Leases here
)

// runNodes runs the controllers of a cluster that has nodes: the one of daemon sets, the one that taints nodes that are not ready and says so of
// their pods, the one that evicts pods from nodes with taints, the one that ends pods whose node is gone; and the scheduler.
func runNodes(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	all := informers.NewSharedInformerFactory(client, 0)
	core, apps := all.Core().V1(), all.Apps().V1()

	sets, err := daemon.NewDaemonSetsController(ctx, apps.DaemonSets(), apps.ControllerRevisions(), core.Pods(), core.Nodes(), client, flowcontrol.NewBackOff(time.Second, 15*time.Minute))
	if err != nil {
		return err
	}
	lifecycle, err := nodelifecycle.NewNodeLifecycleController(ctx, all.Coordination().V1().Leases(), core.Pods(), core.Nodes(), apps.DaemonSets(), client,
		monitorPeriod, silence, silence, evictionRate, evictionRate, largeCluster, unhealthyZone)
	if err != nil {
		return err
	}
	eviction, err := tainteviction.New(ctx, client, core.Pods(), core.Nodes(), "taint-eviction-controller")
	if err != nil {
		return err
	}
	gone := podgc.NewPodGCInternal(ctx, client, core.Pods(), core.Nodes(), 0, gcPeriod, quarantine)

	bound := scheduler.NewInformerFactory(client, 0) // its pods are only those that have not ended
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()})
	binder, err := scheduler.New(ctx, client, bound, nil, profile.NewRecorderFactory(broadcaster))
	if err != nil {
		return err
	}

	for _, factory := range []informers.SharedInformerFactory{all, bound} {
		if err := start(ctx, factory); err != nil {
			return err
		}
	}
	if err := binder.WaitForHandlersSync(ctx); err != nil {
		return err
	}
	go sets.Run(ctx, 2)
	go lifecycle.Run(ctx)
	go eviction.Run(ctx)
	go gone.Run(ctx)
	go binder.Run(ctx)
	<-ctx.Done()
	return nil
}

// Defaults of kube-controller-manager, but for the rates: nodes a second that are tainted (0.1 and 0.01), which would be the longest wait of a suite.
const (
	evictionRate  = 100
	largeCluster  = 50
	unhealthyZone = 0.55
)

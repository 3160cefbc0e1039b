// Command controllers runs those of kube-controller-manager's controllers that the suites need, by their own code: service accounts,
// namespaces, deployments, replica sets and the binder of persistent volumes; or, for a suite that has nodes, those of nodes and daemon
// sets, and the scheduler. The whole of kube-controller-manager would be built for as long again.
//
//	controllers KUBECONFIG [nodes]
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/replicaset"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
	"k8s.io/kubernetes/pkg/controller/volume/persistentvolume"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	if err != nil {
		klog.Fatal(err)
	}
	config.QPS, config.Burst = 200, 400
	run := runNamespaces
	if slices.Contains(os.Args[2:], "nodes") {
		run = runNodes
	}
	if err := run(ctx, config); err != nil {
		klog.Fatal(err)
	}
}

// syncPeriod is how often the binder of volumes looks at everything again, without an event.
const syncPeriod = 15 * time.Second

// runNamespaces runs the controllers that a namespace and what is in it need.
func runNamespaces(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	meta, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	all := informers.NewSharedInformerFactory(client, 0)
	core, apps := all.Core().V1(), all.Apps().V1()

	accounts, err := serviceaccount.NewServiceAccountsController(core.ServiceAccounts(), core.Namespaces(), client, serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return err
	}
	deployments, err := deployment.NewDeploymentController(ctx, apps.Deployments(), apps.ReplicaSets(), core.Pods(), client)
	if err != nil {
		return err
	}
	volumes, err := persistentvolume.NewController(ctx, persistentvolume.ControllerParameters{
		KubeClient: client, SyncPeriod: syncPeriod, EnableDynamicProvisioning: true,
		VolumeInformer: core.PersistentVolumes(), ClaimInformer: core.PersistentVolumeClaims(), ClassInformer: all.Storage().V1().StorageClasses(),
		PodInformer: core.Pods(), NodeInformer: core.Nodes(),
	})
	if err != nil {
		return err
	}
	namespaces := namespace.NewNamespaceController(ctx, client, meta, client.Discovery().ServerPreferredNamespacedResources, core.Namespaces(), 0, corev1.FinalizerKubernetes)
	replicas := replicaset.NewReplicaSetController(ctx, apps.ReplicaSets(), core.Pods(), client, replicaset.BurstReplicas)

	if err := start(ctx, all); err != nil {
		return err
	}
	go accounts.Run(ctx, 1)
	go namespaces.Run(ctx, 2)
	go deployments.Run(ctx, 1)
	go replicas.Run(ctx, 1)
	go volumes.Run(ctx)
	<-ctx.Done()
	return nil
}

// start starts informers, and waits until they know what there is.
func start(ctx context.Context, factory informers.SharedInformerFactory) error {
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return errors.New("not synced: " + kind.String())
		}
	}
	return nil
}

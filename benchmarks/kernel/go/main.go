// The copies controller for controller-runtime: each ConfigMap of the namespace "sources" that carries the label has a
// copy under its name in the namespace "copies", which follows its data and goes with it. The other two versions, which do
// the same, are for_kservectl.py and for_kopf.py.
package main

import (
	"context"
	"maps"
	"os"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const (
	label     = "bench.kservectl.dev/copied"
	finalizer = "bench.kservectl.dev/copies"
	sources   = "sources"
	copies    = "copies"
	workers   = 8
)

type copier struct{ client.Client }

// Reconcile makes the copy of one ConfigMap as it should be.
func (c copier) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	source := &corev1.ConfigMap{}
	if err := c.Get(ctx, request.NamespacedName, source); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !source.DeletionTimestamp.IsZero() || source.Labels[label] == "" {
		return reconcile.Result{}, c.release(ctx, source)
	}
	if original := source.DeepCopy(); controllerutil.AddFinalizer(source, finalizer) {
		if err := c.Patch(ctx, source, client.MergeFrom(original)); err != nil {
			return reconcile.Result{}, client.IgnoreNotFound(err)
		}
	}
	return reconcile.Result{}, c.follow(ctx, source)
}

func (c copier) follow(ctx context.Context, source *corev1.ConfigMap) error {
	found := &corev1.ConfigMap{}
	err := c.Get(ctx, types.NamespacedName{Namespace: copies, Name: source.Name}, found)
	if apierrors.IsNotFound(err) {
		err = c.Create(ctx, &corev1.ConfigMap{ObjectMeta: copyOf(source), Data: source.Data})
		if apierrors.IsAlreadyExists(err) {
			return nil // the cache does not show it yet, and tells when it does
		}
		return err
	}
	if err != nil || maps.Equal(found.Data, source.Data) {
		return err
	}
	found = found.DeepCopy()
	found.Data = source.Data
	return c.Update(ctx, found)
}

func (c copier) release(ctx context.Context, source *corev1.ConfigMap) error {
	original := source.DeepCopy()
	if !controllerutil.RemoveFinalizer(source, finalizer) {
		return nil
	}
	if err := c.Delete(ctx, &corev1.ConfigMap{ObjectMeta: copyOf(source)}); client.IgnoreNotFound(err) != nil {
		return err
	}
	return client.IgnoreNotFound(c.Patch(ctx, source, client.MergeFrom(original)))
}

func copyOf(source *corev1.ConfigMap) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: copies, Name: source.Name, Labels: map[string]string{"bench.kservectl.dev/copy": "true"}}
}

func run() error {
	ctrl.SetLogger(zap.New())
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS = -1 // no limit of the client's own: the API server's priority and fairness is the limit for all three
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Metrics: server.Options{BindAddress: "0"},
		Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{sources: {}, copies: {}}},
	})
	if err != nil {
		return err
	}
	in := func(namespace string) builder.Predicates {
		return builder.WithPredicates(predicate.NewPredicateFuncs(func(obj client.Object) bool {
			return obj.GetNamespace() == namespace
		}))
	}
	toSource := func(_ context.Context, obj client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: sources, Name: obj.GetName()}}}
	}
	err = ctrl.NewControllerManagedBy(manager).
		Named("copies").
		For(&corev1.ConfigMap{}, in(sources)).
		Watches(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(toSource), in(copies)).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(copier{manager.GetClient()})
	if err != nil {
		return err
	}
	return manager.Start(ctrl.SetupSignalHandler())
}

func main() {
	if err := run(); err != nil {
		log.Log.Error(err, "the controller ended")
		os.Exit(1)
	}
}

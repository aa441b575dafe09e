// Command kubelet is a kubelet whose containers are not run: its own code takes the Pods of a node, probes them and
// writes their status, on the stand-ins for a container runtime, for cgroups and for mounts that Kubernetes has for its
// tests of scale (kubemark). Unlike there it probes, and a Pod has the address that its annotation names.
//
//	kubelet KUBECONFIG NODE NODE-ADDRESS
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	clientset "k8s.io/client-go/kubernetes"
	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	apitest "k8s.io/cri-api/pkg/apis/testing"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/kubemark"
)

// addressAnnotation names, on a Pod, the address that it is to have.
const addressAnnotation = "heye.io/address"

// A kubelet's own defaults, which its command line would set.
const (
	requestsPerSecond = 50
	burst             = 100
	maxPods           = 110
)

// addressedRuntime gives sandboxes the addresses that their Pods ask for.
type addressedRuntime struct {
	*apitest.FakeRuntimeService
}

func (r addressedRuntime) RunPodSandbox(ctx context.Context, config *runtimeapi.PodSandboxConfig, handler string) (string, error) {
	id, err := r.FakeRuntimeService.RunPodSandbox(ctx, config, handler)
	address, isNamed := config.GetAnnotations()[addressAnnotation]
	if err != nil || !isNamed {
		return id, err
	}
	r.Lock()
	defer r.Unlock()
	r.Sandboxes[id].Network = &runtimeapi.PodSandboxNetworkStatus{Ip: address}
	return id, nil
}

func runtime() addressedRuntime {
	service := apitest.NewFakeRuntimeService()
	service.FakeStatus = &runtimeapi.RuntimeStatus{Conditions: []*runtimeapi.RuntimeCondition{
		{Type: runtimeapi.RuntimeReady, Status: true},
		{Type: runtimeapi.NetworkReady, Status: true},
	}}
	return addressedRuntime{service}
}

func clients(path string, heartbeat time.Duration) (client, heartbeats *clientset.Clientset, err error) {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, nil, err
	}
	config.QPS, config.Burst = requestsPerSecond, burst
	config.ContentType = "application/vnd.kubernetes.protobuf"
	if client, err = clientset.NewForConfig(config); err != nil {
		return nil, nil, err
	}
	ofHeartbeats := restclient.CopyConfig(config)
	ofHeartbeats.QPS, ofHeartbeats.Timeout = -1, heartbeat
	heartbeats, err = clientset.NewForConfig(ofHeartbeats)
	return client, heartbeats, err
}

func run(kubeconfig, node, address string) error {
	flags, config := kubemark.GetHollowKubeletConfig(&kubemark.HollowKubeletOptions{NodeName: node, MaxPods: maxPods})
	defer os.RemoveAll(flags.RootDirectory)
	flags.NodeIP = address
	config.EnableServer = false
	client, heartbeats, err := clients(kubeconfig, config.NodeStatusUpdateFrequency.Duration)
	if err != nil {
		return err
	}
	hollow := kubemark.NewHollowKubelet(
		flags, config, client, heartbeats,
		&cadvisortest.Fake{NodeName: node},
		apitest.NewFakeImageService(), runtime(), cm.NewStubContainerManager(),
	)
	// None given: the kubelet makes its own, which probes.
	hollow.KubeletDeps.ProbeManager = nil
	hollow.Run(context.Background())
	return nil
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: kubelet KUBECONFIG NODE NODE-ADDRESS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

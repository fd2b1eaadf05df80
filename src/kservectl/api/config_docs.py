"""One line about each member of the ConfigMap `inferenceservice-config`, for the reference; used nowhere else.

Keys are paths: `key.member`, with `[]` for the items of a list and `NAME` for those of a map. The members of `resource`-like
objects are said once, in `RESOURCE_DOCS`, because they occur everywhere.
"""

from collections.abc import Mapping

RESOURCE_DOCS: Mapping[str, str] = {
    "cpuRequest": "The container's CPU request.",
    "cpuLimit": "Its CPU limit.",
    "memoryRequest": "Its memory request.",
    "memoryLimit": "Its memory limit.",
}

CONFIG_DOCS: Mapping[str, str] = {
    "explainers.art": "The explainer made with the Adversarial Robustness Toolbox.",
    "explainers.art.image": "Its image, without a tag.",
    "explainers.art.defaultImageVersion": "The tag where `runtimeVersion` of the service is empty.",
    "inferenceService.resource": "Resources of containers whose service and runtime leave them open.",
    "inferenceService.resourceByModelFormat": "The same by the name of the model's format, such as "
    "`huggingface`; stands above `resource`.",
    "inferenceService.resourceByModelFormat.NAME.memoryFloor": "The least memory that a model of this format "
    "may be given; "
    "admission refuses less.",
    "inferenceService.serviceAnnotationDisallowedList": "Annotations that are not copied to generated objects, "
    "besides the built-in ones.",
    "inferenceService.serviceLabelDisallowedList": "Labels that are not copied to generated objects, besides "
    "the built-in ones.",
    "ingress.enableGatewayApi": "Expose services by HTTPRoutes; otherwise by Ingresses.",
    "ingress.kserveIngressGateway": "The Gateway that HTTPRoutes attach to, as `namespace/name`.",
    "ingress.ingressGateway": "Knative's Gateway for requests from outside (Knative mode), as `namespace/name`.",
    "ingress.knativeLocalGatewayService": "Host of Knative's gateway inside the cluster; `localGatewayService` "
    "unless given.",
    "ingress.localGateway": "Knative's Gateway for requests from inside the cluster, as `namespace/name`.",
    "ingress.localGatewayService": "Host of the Service of that Gateway.",
    "ingress.ingressClassName": "The class of Ingresses.",
    "ingress.ingressDomain": "The domain of hosts; `example.com` unless given. `svc.cluster.local` makes all "
    "services cluster-local.",
    "ingress.additionalIngressDomains": "Further domains under which every service answers.",
    "ingress.domainTemplate": "Makes a host from `.Name`, `.Namespace`, `.IngressDomain`, `.Labels` and "
    "`.Annotations`; "
    "`{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}` unless given.",
    "ingress.urlScheme": "The scheme of `status.url`; `http` unless given.",
    "ingress.pathTemplate": "Serve under a path of `ingressDomain` too, such as `/serving/{{ .Namespace }}/{{ "
    ".Name }}`.",
    "ingress.disableIstioVirtualHost": "Make no VirtualService and no Service of type ExternalName (Knative mode).",
    "ingress.disableIngressCreation": "Make no routes at all: you write your own.",
    "ingress.disableHTTPRouteTimeout": "Leave timeouts of HTTPRoutes to the gateway.",
    "ingress.enableLLMInferenceServiceTLS": "Read for KServe's LLMInferenceService; kservectl itself does not use it.",
    "ingress.modelBasedRoutingHeaderName": "Read for KServe's LLMInferenceService; kservectl itself does not use it.",
    "ingress.modelBasedRoutingMode": "Read for KServe's LLMInferenceService; kservectl itself does not use it.",
    "deploy.defaultDeploymentMode": "`Standard`, `Knative` or `ModelMesh`, for services that name none. "
    "Mandatory where the key exists.",
    "deploy.deploymentRolloutStrategy": "How Deployments replace pods where the service does not say.",
    "deploy.deploymentRolloutStrategy.defaultRollout": "The rolling update.",
    "deploy.deploymentRolloutStrategy.defaultRollout.maxSurge": "Pods above the wanted number: a number or a "
    "percentage.",
    "deploy.deploymentRolloutStrategy.defaultRollout.maxUnavailable": "Pods that may be missing: a number or a "
    "percentage.",
    "storageInitializer.image": "The image that downloads models; `kserve/storage-initializer:latest` unless given.",
    "storageInitializer.cpuModelcar": "CPU of the container that holds an `oci://` model; `10m` unless given.",
    "storageInitializer.memoryModelcar": "Its memory; `15Mi` unless given.",
    "storageInitializer.uidModelcar": "The user that it and the model server run as, so that they see each "
    "other's files.",
    "storageInitializer.caBundleConfigMapName": "A ConfigMap beside the manager with certificates "
    "(`cabundle.crt`) that downloads trust.",
    "storageInitializer.caBundleVolumeMountPath": "Where the certificates are mounted.",
    "storageInitializer.enableModelcar": "Serve `oci://` models from a container of their image.",
    "storageInitializer.enableOciModelSupport": "The same, by its older name.",
    "storageInitializer.ociModelMode": "How `oci://` models are brought: `modelcar`, `native` (an image volume) "
    "or `fetch` (a download).",
    "storageInitializer.ociInsecureRegistry": "Let `fetch` use registries without TLS.",
    "service.serviceClusterIPNone": "Make the Services of components headless (Standard mode).",
    "multiNode.customGPUResourceTypeList": "Extended resources that count as GPUs besides the well-known ones.",
    "opentelemetryCollector.scrapeInterval": "How often the collector reads metrics, such as `5s`.",
    "opentelemetryCollector.metricReceiverEndpoint": "Where the collector sends what it read.",
    "opentelemetryCollector.metricScalerEndpoint": "Where KEDA asks for it.",
    "opentelemetryCollector.resource": "Resources of the collector.",
    "autoscaler.scaleUpStabilizationWindowSeconds": "Seconds for which an HPA looks back before it adds pods.",
    "autoscaler.scaleDownStabilizationWindowSeconds": "Seconds for which an HPA looks back before it removes pods.",
    "security.autoMountServiceAccountToken": "Whether pods get a service account token when the service does not say.",
    "localModel.enabled": "Whether services look for model caches.",
    "localModel.jobNamespace": "Where downloads run.",
    "localModel.defaultJobImage": "Read for compatibility: downloads use the image of a "
    "ClusterStorageContainer, else `storageInitializer.image`.",
    "localModel.fsGroup": "The group that downloaded files belong to.",
    "localModel.jobTTLSecondsAfterFinished": "Seconds after which a finished download is deleted.",
    "localModel.reconcilationFrequencyInSecs": "Seconds after which the node agent looks at its disk although "
    "nothing changed.",
    "localModel.disableVolumeManagement": "Make no volumes and claims in the services' namespaces: you bring your own.",
    "credentials.storageSpecSecretName": "The Secret that `storage:` refers to; `storage-config` unless given.",
    "credentials.storageSecretNameAnnotation": "The annotation by which a service account names its Secret; "
    "empty turns it off.",
    "credentials.gcs": "Google Cloud Storage.",
    "credentials.gcs.gcsCredentialFileName": "The key of a Secret that holds the credentials; "
    "`gcloud-application-credentials.json` unless given.",
    "credentials.s3": "S3. An empty member sets nothing; annotations of a Secret stand above them.",
    "credentials.s3.s3AccessKeyIDName": "The key of a Secret with the access key's id; `awsAccessKeyID` unless given.",
    "credentials.s3.s3SecretAccessKeyName": "The key with the access key itself; `awsSecretAccessKey` unless given.",
    "credentials.s3.s3Endpoint": "The address of the service, host and port.",
    "credentials.s3.s3UseHttps": "`0` for no TLS.",
    "credentials.s3.s3Region": "The region.",
    "credentials.s3.s3VerifySSL": "`0` to accept any certificate.",
    "credentials.s3.s3UseVirtualBucket": "Whether the bucket is part of the host.",
    "credentials.s3.s3UseAccelerate": "Whether to use transfer acceleration.",
    "credentials.s3.s3UseAnonymousCredential": "Whether to ask without credentials.",
    "credentials.s3.s3CABundleConfigMap": "A ConfigMap with the certificates to trust.",
    "credentials.s3.s3CABundle": "The path of these certificates in the container.",
    "agent.image": "The image of the [agent](../agent.md).",
    "logger.image": "Read for compatibility: the agent's image logs.",
    "logger.defaultUrl": "Where payloads go when the service names no URL.",
    "logger.caBundle": "A ConfigMap with the certificates to trust.",
    "logger.caCertFile": "The file of these certificates in it.",
    "logger.tlsSkipVerify": "Accept any certificate.",
    "logger.marshallerUrl": "A service that turns payloads into the format to store.",
    "logger.batchSize": "How many payloads are sent together.",
    "logger.batchInterval": "After how long they are sent although there are fewer, such as `5s`.",
    "logger.storage": "Where payloads are stored instead of being sent.",
    "logger.storage.path": "The path in the storage.",
    "logger.storage.parameters": "Settings of the connection, such as `type` and `bucket`.",
    "logger.storage.key": "The entry of the storage Secret that describes the connection.",
    "logger.storage.serviceAccountName": "The service account whose Secrets hold the credentials.",
    "batcher.image": "Read for compatibility: the agent's image batches.",
    "batcher.maxBatchSize": "How many instances a batch has at most.",
    "batcher.maxLatency": "Milliseconds after which a batch is sent although it is smaller.",
    "router.image": "The image of the router of an InferenceGraph.",
    "router.headers": 'Headers that the router passes on, as `{"propagate": ["…"]}`.',
    "router.imagePullPolicy": "The pull policy of its image.",
    "router.imagePullSecrets": "Secrets to pull its image with.",
    "registry.url": "The MLflow registry that `models:/…` refers to.",
    "registry.secretName": "A Secret in the manager's namespace with `MLFLOW_TRACKING_TOKEN`, or "
    "`MLFLOW_TRACKING_USERNAME` and "
    "`MLFLOW_TRACKING_PASSWORD`, and perhaps `ca.crt`.",
    "networkPolicy.enabled": "Whether services get a NetworkPolicy.",
    "networkPolicy.gatewayNamespaces": "Where the pods of gateways and ingress controllers run: they reach "
    "every service that is not cluster-local.",
    "networkPolicy.monitoringNamespaces": "Where Prometheus runs: it reaches every service.",
    "networkPolicy.allowNamespaces": "Further namespaces whose pods reach every service.",
    "networkPolicy.allowSameNamespace": "Whether pods of the service's own namespace reach it.",
    "networkPolicy.allowFrom": "Further callers: peers as a NetworkPolicy has them.",
    "securityPolicy.validationActions": "`Deny` refuses what violates a rule, `Warn` lets it pass with a warning.",
    "securityPolicy.exemptNamespaces": "Namespaces in which nothing is enforced.",
    "securityPolicy.exemptContainers": "Containers whose images, limits and security context are not looked at.",
    "securityPolicy.allowedRegistries": "Registries, or folders in them, that images may come from; empty allows all.",
    "securityPolicy.allowedUriSchemes": "Schemes of storage URIs that may be used; empty allows all.",
    "securityPolicy.requiredLimits": "Resources that each container of a pod must have a limit of.",
    "securityPolicy.maxGPUs": "The most GPUs that one pod may ask for.",
    "securityPolicy.defaultSecurityContext": "`restricted` gives pods what that Pod Security Standard asks for, "
    "where they do not say otherwise.",
    "securityPolicy.policies": "Rules in CEL, written as the spec of a ValidatingAdmissionPolicy is.",
    "securityPolicy.policies[].name": "The name of the policy, in refusals.",
    "securityPolicy.policies[].resources": "What it looks at.",
    "securityPolicy.policies[].matchConditions": "When it applies: all of them hold.",
    "securityPolicy.policies[].matchConditions[].name": "A name for messages.",
    "securityPolicy.policies[].matchConditions[].expression": "A CEL expression.",
    "securityPolicy.policies[].variables": "Values that later expressions see.",
    "securityPolicy.policies[].variables[].name": "The name: `variables.NAME`.",
    "securityPolicy.policies[].variables[].expression": "A CEL expression.",
    "securityPolicy.policies[].validations": "What has to hold.",
    "securityPolicy.policies[].validations[].expression": "A CEL expression that is true of what is allowed.",
    "securityPolicy.policies[].validations[].message": "What a refusal says.",
    "securityPolicy.policies[].validations[].messageExpression": "The same as a CEL expression.",
    "securityPolicy.policies[].validationActions": "As above, for this policy alone.",
    "securityPolicy.policies[].failurePolicy": "What an expression that fails means: `Fail` refuses, `Ignore` passes.",
    "metricsAggregator.enableMetricAggregation": "`true`: pods get the annotation by which the queue proxy "
    "joins metrics.",
    "metricsAggregator.enablePrometheusScraping": "`true`: pods get the annotations by which Prometheus finds them.",
}

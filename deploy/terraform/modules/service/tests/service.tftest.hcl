mock_provider "google" {}

variables {
  name    = "heimdex-test-gateway"
  region  = "europe-west4"
  image   = "registry.example/heimdex/gateway@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  network = { network = "network", subnetwork = "subnetwork" }
  scaling = { min = 1, max = 7, cpu = 2, memory = "3Gi", concurrency = 80 }
}

run "service" {
  command = apply
  variables {
    port                   = 8481
    http2                  = true
    probe                  = "grpc"
    works_between_requests = true
    env                    = { HEIMDEX_ENV = "production" }
    secrets                = { HEIMDEX_SIGNING_KEY = { secret = "signing-key", version = "3" } }
    secret_files           = { "/etc/heimdex/bus/ca.pem" = { secret = "bus-certificate", version = "2" } }
  }
  assert {
    condition = (
      google_cloud_run_v2_service.main[0].template[0].scaling[0].min_instance_count == 1
      && google_cloud_run_v2_service.main[0].template[0].scaling[0].max_instance_count == 7
      && google_cloud_run_v2_service.main[0].template[0].max_instance_request_concurrency == 80
      && google_cloud_run_v2_service.main[0].template[0].containers[0].resources[0].limits == tomap({ cpu = "2", memory = "3Gi" })
    )
    error_message = "its scaling block is what it is scaled by"
  }
  assert {
    condition     = google_cloud_run_v2_service.main[0].template[0].containers[0].ports[0].name == "h2c" && google_cloud_run_v2_service.main[0].template[0].containers[0].ports[0].container_port == 8481
    error_message = "HTTP/2 to the port that was named"
  }
  assert {
    condition     = google_cloud_run_v2_service.main[0].template[0].containers[0].resources[0].cpu_idle == false
    error_message = "it has its CPU between requests"
  }
  assert {
    condition = [for env in google_cloud_run_v2_service.main[0].template[0].containers[0].env : [env.name, env.value_source[0].secret_key_ref[0].secret, env.value_source[0].secret_key_ref[0].version] if length(env.value_source) > 0] == [
      ["HEIMDEX_SIGNING_KEY", "signing-key", "3"],
    ]
    error_message = "a secret is a reference to a version of it"
  }
  assert {
    condition = (
      google_cloud_run_v2_service.main[0].template[0].volumes[0].secret[0].secret == "bus-certificate"
      && [for item in google_cloud_run_v2_service.main[0].template[0].volumes[0].secret[0].items : [item.path, item.version]] == [["ca.pem", "2"]]
      && google_cloud_run_v2_service.main[0].template[0].containers[0].volume_mounts[0].mount_path == "/etc/heimdex/bus"
    )
    error_message = "a file is one version of a secret"
  }
  assert {
    condition     = toset([for grant in google_secret_manager_secret_iam_member.main : "${grant.secret_id} ${grant.role}"]) == toset(["signing-key roles/secretmanager.secretAccessor", "bus-certificate roles/secretmanager.secretAccessor"])
    error_message = "its account reads the secrets that it was given, and no others"
  }
  assert {
    condition     = google_cloud_run_v2_service.main[0].invoker_iam_disabled == false && length(google_cloud_run_v2_service_iam_member.invoker) == 0
    error_message = "nobody may call unless asked for"
  }
  assert {
    condition     = google_cloud_run_v2_service.main[0].ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY"
    error_message = "only the network reaches it unless asked for"
  }
  assert {
    condition     = google_cloud_run_v2_service.main[0].template[0].vpc_access[0].egress == "ALL_TRAFFIC"
    error_message = "all it sends goes through the network"
  }
}

run "service_behind_the_load_balancer" {
  command = apply
  variables {
    ingress            = "load-balancer"
    checks_its_callers = true
  }
  assert {
    condition     = google_cloud_run_v2_service.main[0].ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" && google_cloud_run_v2_service.main[0].invoker_iam_disabled == true
    error_message = "whoever comes by the load balancer is let through, when asked for"
  }
}

run "service_for_one_caller" {
  command = apply
  variables {
    invokers = { scheduler = "serviceAccount:scheduler@films-project.iam.gserviceaccount.com" }
  }
  assert {
    condition = (
      google_cloud_run_v2_service_iam_member.invoker["scheduler"].role == "roles/run.invoker"
      && google_cloud_run_v2_service_iam_member.invoker["scheduler"].member == "serviceAccount:scheduler@films-project.iam.gserviceaccount.com"
    )
    error_message = "the one that is named may call"
  }
}

run "worker_pool" {
  command = apply
  variables {
    kind    = "worker-pool"
    name    = "heimdex-test-stage-asr"
    buckets = { "/models" = { bucket = "models", read_only = true } }
    secrets = { HEIMDEX_STAGE_KEY = { secret = "stage-key", version = "1" } }
    scaling = { min = 2, max = 7, cpu = 4, memory = "16Gi", concurrency = 1, gpu = "nvidia-l4" }
  }
  assert {
    condition     = length(google_cloud_run_v2_service.main) == 0 && length(google_cloud_run_v2_job.main) == 0
    error_message = "a pool is no service"
  }
  assert {
    condition     = google_cloud_run_v2_worker_pool.main[0].scaling[0].manual_instance_count == 2
    error_message = "it begins with the least"
  }
  assert {
    condition = (
      google_cloud_run_v2_worker_pool.main[0].template[0].node_selector[0].accelerator == "nvidia-l4"
      && google_cloud_run_v2_worker_pool.main[0].template[0].containers[0].resources[0].limits["nvidia.com/gpu"] == "1"
      && google_cloud_run_v2_worker_pool.main[0].template[0].gpu_zonal_redundancy_disabled == true
    )
    error_message = "the GPU that was asked for"
  }
  assert {
    condition = (
      google_cloud_run_v2_worker_pool.main[0].template[0].volumes[0].gcs[0].bucket == "models"
      && google_cloud_run_v2_worker_pool.main[0].template[0].volumes[0].gcs[0].read_only == true
      && google_cloud_run_v2_worker_pool.main[0].template[0].containers[0].volume_mounts[0].mount_path == "/models"
      && google_storage_bucket_iam_member.main["/models"].role == "roles/storage.objectViewer"
    )
    error_message = "models are mounted, and only read"
  }
}

run "worker_pool_without_gpu" {
  command = apply
  variables {
    kind = "worker-pool"
  }
  assert {
    condition     = length(google_cloud_run_v2_worker_pool.main[0].template[0].node_selector) == 0 && !contains(keys(google_cloud_run_v2_worker_pool.main[0].template[0].containers[0].resources[0].limits), "nvidia.com/gpu")
    error_message = "no GPU unless asked for"
  }
}

run "job" {
  command = apply
  variables {
    kind    = "job"
    args    = ["models", "pull", "bundled"]
    buckets = { "/models" = { bucket = "models", read_only = false } }
  }
  assert {
    condition     = google_cloud_run_v2_job.main[0].template[0].template[0].containers[0].args == tolist(["models", "pull", "bundled"])
    error_message = "it runs what it was told to"
  }
  assert {
    condition     = google_storage_bucket_iam_member.main["/models"].role == "roles/storage.objectUser"
    error_message = "it may write what it fills"
  }
}

run "refuses_a_tag" {
  command = plan
  variables {
    image = "registry.example/heimdex/gateway:v1.2.3"
  }
  expect_failures = [var.image]
}

run "refuses_a_tag_beside_a_digest" {
  command = plan
  variables {
    image = "registry.example/heimdex/gateway:v1.2.3@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }
  expect_failures = [var.image]
}

run "refuses_a_short_digest" {
  command = plan
  variables {
    image = "registry.example/heimdex/gateway@sha256:aaaa"
  }
  expect_failures = [var.image]
}

run "refuses_latest_of_a_secret" {
  command = plan
  variables {
    secrets = { HEIMDEX_STAGE_KEY = { secret = "stage-key", version = "latest" } }
  }
  expect_failures = [var.secrets]
}

run "refuses_a_credential_in_the_environment" {
  command = plan
  variables {
    env = { HEIMDEX_STAGE_KEY = "hdx_0123456789" }
  }
  expect_failures = [var.env]
}

run "refuses_everybody" {
  command = plan
  variables {
    invokers = { all = "allUsers" }
  }
  expect_failures = [var.invokers]
}

run "refuses_more_least_than_most" {
  command = plan
  variables {
    scaling = { min = 8, max = 7, cpu = 2, memory = "3Gi", concurrency = 80 }
  }
  expect_failures = [var.scaling]
}

run "refuses_cores_that_there_are_not" {
  command = plan
  variables {
    scaling = { min = 0, max = 7, cpu = 3, memory = "3Gi", concurrency = 80 }
  }
  expect_failures = [var.scaling]
}

run "refuses_a_gpu_with_too_little_beside_it" {
  command = plan
  variables {
    scaling = { min = 0, max = 7, cpu = 2, memory = "4Gi", concurrency = 80, gpu = "nvidia-l4" }
  }
  expect_failures = [var.scaling]
}

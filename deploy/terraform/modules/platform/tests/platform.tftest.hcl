mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  name    = "heimdex-test"
  project = "films-project"
  region  = "europe-west4"
  domain  = "films.example.com"
  models  = { version = "2", profile = "bundled", stages = { "asr.transcribe" = "whisper-base" } }
  images = {
    "autoscaler"   = "registry.example/heimdex/autoscaler@sha256:46760ae341ec3f7cbe4f84e23e12c9426d06ed9d293f20be8554078b79014ec2"
    "cli"          = "registry.example/heimdex/cli@sha256:99bb88401742848e032fd6f51709415fb6be169a72d2e5d7fc44289255160d3c"
    "gateway"      = "registry.example/heimdex/gateway@sha256:4ea5ee68fea05586106890ded5733820bb77d919cda27bc4b8139b7cd33b8889"
    "orchestrator" = "registry.example/heimdex/orchestrator@sha256:11376b7e2acf0c93001f16d10c7ef82ecc88f2292851ba9a5fb14767c7d027ec"
    "stage-asr"    = "registry.example/heimdex/stage-asr@sha256:dc269b43eefa826cae70e4cce780922fbb6e1931268aebc899e7c4ccb55f779c"
    "stage-embed"  = "registry.example/heimdex/stage-embed@sha256:e6c6130345caa848c8142f5cf97ee954c072f5dbb35a1ce761ddff577fcdcb98"
    "stage-media"  = "registry.example/heimdex/stage-media@sha256:77e2d1c6825b72ffb1bb225e663d7a44d79fbae33ff1e27e109d80118838f7a8"
    "stage-vision" = "registry.example/heimdex/stage-vision@sha256:d5f010b17b91d64c85c6faf42389ecab4b6d3fdf4eb49751b341a81de9d6cbea"
  }
  scaling = {
    "gateway"           = { min = 1, max = 2, cpu = 1, memory = "1Gi", concurrency = 80 }
    "gateway-grpc"      = { min = 1, max = 2, cpu = 1, memory = "1Gi", concurrency = 80 }
    "orchestrator"      = { min = 1, max = 2, cpu = 1, memory = "1Gi", concurrency = 500 }
    "orchestrator-data" = { min = 1, max = 2, cpu = 1, memory = "1Gi", concurrency = 40 }
    "stage-media"       = { min = 0, max = 2, cpu = 4, memory = "4Gi", concurrency = 1 }
    "stage-asr"         = { min = 0, max = 2, cpu = 2, memory = "4Gi", concurrency = 1 }
    "stage-vision"      = { min = 0, max = 2, cpu = 4, memory = "16Gi", concurrency = 1, gpu = "nvidia-l4" }
    "stage-embed"       = { min = 1, max = 1, cpu = 2, memory = "2Gi", concurrency = 1 }
  }
}

run "autoscaler" {
  command = apply
  assert {
    condition     = toset(google_project_iam_custom_role.autoscaler.permissions) == toset(["run.workerpools.get", "run.workerpools.update"])
    error_message = "two permissions are what it takes"
  }
  assert {
    condition     = toset([for grant in google_cloud_run_v2_worker_pool_iam_member.autoscaler : grant.name]) == toset(["heimdex-test-stage-asr", "heimdex-test-stage-embed", "heimdex-test-stage-media", "heimdex-test-stage-vision"])
    error_message = "on the pools of the stages, and nowhere else"
  }
  assert {
    condition     = google_cloud_scheduler_job.autoscaler.schedule == "* * * * *" && google_cloud_scheduler_job.autoscaler.http_target[0].oidc_token[0].service_account_email == google_service_account.scheduler.email
    error_message = "it is called each minute, by an account of its own"
  }
  assert {
    condition     = module.stage["stage-vision"].scaling.gpu == "nvidia-l4" && module.stage["stage-asr"].scaling.gpu == ""
    error_message = "each service has its own scaling block"
  }
}

run "refuses_a_tag" {
  command = plan
  variables {
    images = {
      "autoscaler"   = "registry.example/heimdex/autoscaler:latest"
      "cli"          = "registry.example/heimdex/cli:latest"
      "gateway"      = "registry.example/heimdex/gateway:latest"
      "orchestrator" = "registry.example/heimdex/orchestrator:latest"
      "stage-asr"    = "registry.example/heimdex/stage-asr:latest"
      "stage-embed"  = "registry.example/heimdex/stage-embed:latest"
      "stage-media"  = "registry.example/heimdex/stage-media:latest"
      "stage-vision" = "registry.example/heimdex/stage-vision:latest"
    }
  }
  expect_failures = [var.images]
}

run "refuses_an_image_that_is_missing" {
  command = plan
  variables {
    images = { gateway = "registry.example/heimdex/gateway@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }
  }
  expect_failures = [var.images]
}

run "refuses_a_gpu_where_it_is_no_use" {
  command = plan
  variables {
    scaling = {
      "gateway"           = { min = 1, max = 2, cpu = 4, memory = "16Gi", concurrency = 80, gpu = "nvidia-l4" }
      "gateway-grpc"      = { min = 1, max = 2, cpu = 1, memory = "1Gi", concurrency = 80 }
      "orchestrator"      = { min = 1, max = 2, cpu = 1, memory = "1Gi", concurrency = 500 }
      "orchestrator-data" = { min = 1, max = 2, cpu = 1, memory = "1Gi", concurrency = 40 }
      "stage-media"       = { min = 0, max = 2, cpu = 4, memory = "4Gi", concurrency = 1 }
      "stage-asr"         = { min = 0, max = 2, cpu = 2, memory = "4Gi", concurrency = 1 }
      "stage-vision"      = { min = 0, max = 2, cpu = 4, memory = "4Gi", concurrency = 1 }
      "stage-embed"       = { min = 1, max = 1, cpu = 2, memory = "2Gi", concurrency = 1 }
    }
  }
  expect_failures = [var.scaling]
}

run "refuses_to_be_without_an_orchestrator" {
  command = plan
  variables {
    scaling = {
      "gateway"           = { min = 1, max = 2, cpu = 1, memory = "1Gi", concurrency = 80 }
      "gateway-grpc"      = { min = 1, max = 2, cpu = 1, memory = "1Gi", concurrency = 80 }
      "orchestrator"      = { min = 0, max = 2, cpu = 1, memory = "1Gi", concurrency = 500 }
      "orchestrator-data" = { min = 1, max = 2, cpu = 1, memory = "1Gi", concurrency = 40 }
      "stage-media"       = { min = 0, max = 2, cpu = 4, memory = "4Gi", concurrency = 1 }
      "stage-asr"         = { min = 0, max = 2, cpu = 2, memory = "4Gi", concurrency = 1 }
      "stage-vision"      = { min = 0, max = 2, cpu = 4, memory = "4Gi", concurrency = 1 }
      "stage-embed"       = { min = 1, max = 1, cpu = 2, memory = "2Gi", concurrency = 1 }
    }
  }
  expect_failures = [var.scaling]
}

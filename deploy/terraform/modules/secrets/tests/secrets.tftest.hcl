mock_provider "google" {}

variables {
  name   = "heimdex-test"
  region = "europe-west4"
}

run "without_values" {
  command = apply
  assert {
    condition     = length(google_secret_manager_secret.main) == 12 && google_secret_manager_secret.main["catalog-url"].secret_id == "heimdex-test-catalog-url"
    error_message = "each credential is a secret"
  }
  assert {
    condition     = alltrue([for secret in google_secret_manager_secret.main : secret.replication[0].user_managed[0].replicas[0].location == "europe-west4"])
    error_message = "values stay in the region"
  }
  assert {
    condition     = alltrue([for reference in values(output.secrets) : reference.version == "1"])
    error_message = "the first version unless another one is named"
  }
}

run "refuses_a_secret_that_there_is_not" {
  command = plan
  variables {
    versions = { stage-kye = 2 }
  }
  expect_failures = [google_secret_manager_secret.main]
}

run "refuses_half_a_version" {
  command = plan
  variables {
    versions = { stage-key = 1.5 }
  }
  expect_failures = [var.versions]
}

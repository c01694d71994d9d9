# The whole environment, with a provider that makes up what Google would answer. Which images comes from outside: TF_VAR_images_file.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  project = "films-project"
  region  = "europe-west4"
  domain  = "films.example.com"
}

run "whole" {
  command = apply
  assert {
    condition     = output.buckets["data"] == "films-project-${local.name}-data"
    error_message = "the data bucket's name begins with the project"
  }
  assert {
    condition     = alltrue([for secret in values(output.secrets) : secret.version == "1"])
    error_message = "version 1 of each secret unless another one is named"
  }
  assert {
    condition     = alltrue([for name, secret in output.secrets : secret.secret == "${local.name}-${name}"])
    error_message = "secrets are named after the environment"
  }
}

run "another_version_of_one_secret" {
  command = apply
  variables {
    secret_versions = { stage-key = 2 }
  }
  assert {
    condition     = output.secrets["stage-key"].version == "2" && output.secrets["admin-key"].version == "1"
    error_message = "one variable names another version of one secret"
  }
}

run "refuses_tags" {
  command = plan
  variables {
    images_file = "../../testdata/tagged.json"
  }
  expect_failures = [var.images_file]
}

run "refuses_a_file_that_is_not_there" {
  command = plan
  variables {
    images_file = "no/images.json"
  }
  expect_failures = [var.images_file]
}

run "refuses_what_is_no_project" {
  command = plan
  variables {
    project = "Films Project"
  }
  expect_failures = [var.project]
}

run "refuses_what_is_no_region" {
  command = plan
  variables {
    region = "europe"
  }
  expect_failures = [var.region]
}

run "refuses_what_is_no_domain" {
  command = plan
  variables {
    domain = "https://films.example.com"
  }
  expect_failures = [var.domain]
}

run "refuses_latest" {
  command = plan
  variables {
    secret_versions = { stage-key = 0 }
  }
  expect_failures = [var.secret_versions]
}

run "refuses_to_scale_what_is_not_there" {
  command = plan
  variables {
    scaling = { stage-video = { max = 3 } }
  }
  expect_failures = [var.scaling]
}

run "refuses_an_unknown_profile_of_models" {
  command = plan
  variables {
    models = { version = "1", profile = "best" }
  }
  expect_failures = [var.models]
}

run "refuses_models_that_are_no_ids" {
  command = plan
  variables {
    models = { version = "1", profile = "bundled", stages = { "asr.transcribe" = "whisper base" } }
  }
  expect_failures = [var.models]
}

run "refuses_what_is_no_address" {
  command = plan
  variables {
    alert_emails = ["somebody"]
  }
  expect_failures = [var.alert_emails]
}

mock_provider "google" {}

variables {
  name    = "heimdex-test-nats"
  project = "films-project"
  zone    = "europe-west4-b"
  network = { network = "network", subnetwork = "subnetwork", cidr = "10.24.0.0/20", dns_zone = "heimdex-test" }
  secrets = {
    password    = { secret = "heimdex-test-bus-password", version = "4" }
    events      = { secret = "heimdex-test-events-password", version = "3" }
    certificate = { secret = "heimdex-test-bus-certificate", version = "2" }
    private_key = { secret = "heimdex-test-bus-private-key", version = "2" }
  }
}

run "machine" {
  command = apply
  assert {
    condition     = length(google_compute_instance.main.network_interface[0].access_config) == 0
    error_message = "it has no address on the internet"
  }
  assert {
    condition     = google_compute_instance.main.boot_disk[0].initialize_params[0].size == 10
    error_message = "a disk as large as was asked for"
  }
  assert {
    condition     = toset(google_compute_firewall.main.source_ranges) == toset(["10.24.0.0/20"]) && tolist(google_compute_firewall.main.allow)[0].ports == tolist(["4222"])
    error_message = "the subnetwork connects, at one port"
  }
  assert {
    condition     = strcontains(google_compute_instance.main.metadata["startup-script"], "secret \"heimdex-test-bus-password\" \"4\"")
    error_message = "it reads the pinned version of its password"
  }
  assert {
    condition     = toset([for grant in google_secret_manager_secret_iam_member.main : grant.secret_id]) == toset(["heimdex-test-bus-password", "heimdex-test-events-password", "heimdex-test-bus-certificate", "heimdex-test-bus-private-key"])
    error_message = "it reads its own secrets, and no others"
  }
  assert {
    condition     = output.url == "tls://nats.heimdex.internal:4222"
    error_message = "with TLS, by name"
  }
}

run "refuses_a_region_for_a_zone" {
  command = plan
  variables {
    zone = "europe-west4"
  }
  expect_failures = [var.zone]
}

run "refuses_a_disk_that_is_too_small" {
  command = plan
  variables {
    disk_gb = 1
  }
  expect_failures = [var.disk_gb]
}

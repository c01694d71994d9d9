# NATS on one machine: Debian's own package, with TLS and passwords that the machine itself reads from Secret Manager when it starts. What it keeps are events for other
# programs (ADR 0037), and nothing that Heimdex needs (ADR 0026), so one machine does: while it is away work goes on, events wait, and changes by the API are answered
# BUS_UNAVAILABLE.

locals {
  host = "nats.heimdex.internal"
  tag  = var.name
}

resource "google_service_account" "main" {
  account_id   = var.name
  display_name = "Heimdex: ${var.name}"
}

resource "google_secret_manager_secret_iam_member" "main" {
  for_each  = var.secrets
  secret_id = each.value.secret
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.main.member
}

resource "google_compute_instance" "main" {
  name                      = var.name
  zone                      = var.zone
  machine_type              = var.machine_type
  tags                      = [local.tag]
  allow_stopping_for_update = true
  deletion_protection       = var.protected

  boot_disk {
    initialize_params {
      image = "debian-cloud/debian-13"
      size  = var.disk_gb
      type  = "pd-balanced"
    }
  }
  network_interface {
    network    = var.network.network
    subnetwork = var.network.subnetwork
  }
  service_account {
    email  = google_service_account.main.email
    scopes = ["cloud-platform"]
  }
  shielded_instance_config {
    enable_secure_boot          = true
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }
  metadata = {
    block-project-ssh-keys = "true"
    enable-oslogin         = "TRUE"
    # It runs at each start, so another version of a secret takes a restart of the machine (README, "Rotate").
    startup-script = templatefile("${path.module}/start.sh", {
      project     = var.project
      password    = var.secrets.password
      events      = var.secrets.events
      certificate = var.secrets.certificate
      private_key = var.secrets.private_key
    })
  }

  depends_on = [google_secret_manager_secret_iam_member.main]
}

resource "google_compute_firewall" "main" {
  name          = var.name
  network       = var.network.network
  source_ranges = [var.network.cidr]
  target_tags   = [local.tag]
  allow {
    protocol = "tcp"
    ports    = ["4222"]
  }
}

resource "google_dns_record_set" "main" {
  managed_zone = var.network.dns_zone
  name         = "${local.host}."
  type         = "A"
  ttl          = 60
  rrdatas      = [google_compute_instance.main.network_interface[0].network_ip]
}

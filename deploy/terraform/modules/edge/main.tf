# One address for HTTP and gRPC, with TLS. A container on Cloud Run has one port, so the gateway runs as two services of one image: what says it is gRPC goes to the one, the
# rest to the other.

locals {
  backends = {
    http = { service = var.services.http, protocol = "HTTPS" }
    grpc = { service = var.services.grpc, protocol = "HTTP2" }
  }
}

resource "google_compute_global_address" "main" {
  name = var.name
}

resource "google_compute_region_network_endpoint_group" "main" {
  for_each              = local.backends
  name                  = "${var.name}-${each.key}"
  region                = var.region
  network_endpoint_type = "SERVERLESS"
  cloud_run {
    service = each.value.service
  }
}

resource "google_compute_backend_service" "main" {
  for_each              = local.backends
  name                  = "${var.name}-${each.key}"
  protocol              = each.value.protocol
  load_balancing_scheme = "EXTERNAL_MANAGED"
  backend {
    group = google_compute_region_network_endpoint_group.main[each.key].id
  }
  log_config {
    enable      = true
    sample_rate = 0.1
  }
}

resource "google_compute_url_map" "main" {
  name            = var.name
  default_service = google_compute_backend_service.main["http"].id
  host_rule {
    hosts        = [var.domain]
    path_matcher = "all"
  }
  path_matcher {
    name            = "all"
    default_service = google_compute_backend_service.main["http"].id
    route_rules {
      priority = 1
      service  = google_compute_backend_service.main["grpc"].id
      match_rules {
        prefix_match = "/"
        header_matches {
          header_name  = "content-type"
          prefix_match = "application/grpc"
        }
      }
    }
  }
}

resource "google_compute_managed_ssl_certificate" "main" {
  name = "${var.name}-${substr(sha256(var.domain), 0, 8)}"
  managed {
    domains = [var.domain]
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_ssl_policy" "main" {
  name            = var.name
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_target_https_proxy" "main" {
  name             = var.name
  url_map          = google_compute_url_map.main.id
  ssl_certificates = [google_compute_managed_ssl_certificate.main.id]
  ssl_policy       = google_compute_ssl_policy.main.id
}

resource "google_compute_global_forwarding_rule" "https" {
  name                  = "${var.name}-https"
  target                = google_compute_target_https_proxy.main.id
  ip_address            = google_compute_global_address.main.id
  port_range            = "443"
  load_balancing_scheme = "EXTERNAL_MANAGED"
}

resource "google_compute_url_map" "redirect" {
  name = "${var.name}-redirect"
  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "PERMANENT_REDIRECT"
    strip_query            = false
  }
}

resource "google_compute_target_http_proxy" "redirect" {
  name    = "${var.name}-redirect"
  url_map = google_compute_url_map.redirect.id
}

resource "google_compute_global_forwarding_rule" "http" {
  name                  = "${var.name}-http"
  target                = google_compute_target_http_proxy.redirect.id
  ip_address            = google_compute_global_address.main.id
  port_range            = "80"
  load_balancing_scheme = "EXTERNAL_MANAGED"
}

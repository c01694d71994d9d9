variable "name" {
  description = "Prefix of everything's name, and of the services that are looked after."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "A name of 2 to 21 lower-case letters, digits and hyphens that begins with a letter is expected."
  }
}

variable "project" {
  description = "Project that is looked after."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project id of 6 to 30 lower-case letters, digits and hyphens is expected."
  }
}

variable "domain" {
  description = "Name that the platform is reached by, and asked at whether it serves."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain))
    error_message = "A host name such as films.example.com is expected."
  }
}

variable "alert_emails" {
  description = "Who is told. Default: nobody; incidents show in the console all the same."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+$", address))])
    error_message = "E-mail addresses are expected."
  }
}

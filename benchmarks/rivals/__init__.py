"""What the service is measured against: programs of their own, each as straightforward as it can be."""

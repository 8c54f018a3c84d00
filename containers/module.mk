# Container images. A stamp says from what an image was built; it counts only while podman still
# has the image, so a removed image is built again.
images: $(BUILD)/memgen ## Build the container images (as root)
	$(Q)containers/ensure-image.sh localhost/leaklab-memgen:latest $(BUILD)/images/memgen.stamp \
		"$(BUILD)/memgen containers/Containerfile.memgen containers/build-memgen.sh" \
		containers/build-memgen.sh $(BUILD)/memgen
	$(Q)containers/ensure-image.sh localhost/leaklab-stress-ng:latest \
		$(BUILD)/images/stress-ng.stamp \
		"/usr/bin/stress-ng containers/Containerfile.stress-ng containers/build-stress-ng.sh" \
		containers/build-stress-ng.sh

# The real programs of scenarios/real-*.yaml: about a minute and a half and 1 GB of packages, so no
# part of `images`. Their packages change more seldom than what drives them.
REAL_FILES = $(wildcard containers/real/*.py containers/real/*.js)
REAL_BASE_FILES = containers/real/packages containers/real/Workload.java

deps-real: $(BUILD)/.deps-real
$(BUILD)/.deps-real: containers/module.mk
	$(call install_packages,mmdebstrap debian-archive-keyring)

images-real: images $(BUILD)/.deps-real ## Build the image of the real programs (as root)
	$(Q)containers/ensure-image.sh localhost/leaklab-real-base:latest \
		$(BUILD)/images/real-base.stamp \
		"$(REAL_BASE_FILES) containers/build-real-base.sh" \
		containers/build-real-base.sh $(BUILD)/images/real-base
	$(Q)containers/ensure-image.sh localhost/leaklab-real:latest $(BUILD)/images/real.stamp \
		"$(REAL_FILES) containers/Containerfile.real containers/build-real.sh \
			$(BUILD)/images/real-base.stamp" \
		containers/build-real.sh
.PHONY: deps-real images-real
